#!/usr/bin/env bash
# A release build from nothing, with all dependencies already downloaded, and the
# size of the program.
#
#   benches/build.sh [FOLDER]      default: a new one, removed afterwards
#
# The folder has to be empty; what is built stays in it.
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ ${1:-} ]]; then
  CARGO_TARGET_DIR=$(realpath -m "$1")
else
  CARGO_TARGET_DIR=$(mktemp -d /tmp/estiba-build.XXXXXX)
  trap 'rm -rf "$CARGO_TARGET_DIR"' EXIT
fi
export CARGO_TARGET_DIR
if [[ -d $CARGO_TARGET_DIR && $(ls -A "$CARGO_TARGET_DIR") ]]; then
  echo "$CARGO_TARGET_DIR is not empty" >&2
  exit 2
fi

cargo fetch --quiet --locked
load() { echo "load of the last minute: $(cut -d' ' -f1 /proc/loadavg), $(nproc) cores"; }
load
TIMEFORMAT='cold release build: %0R s, CPU %0U s + %0S s'
time cargo build --quiet --release --locked --bin estiba
load
size=$(stat -c %s "$CARGO_TARGET_DIR/release/estiba")
echo "program: $(awk -v size="$size" 'BEGIN { printf "%.1f", size / 1e6 }') MB"
