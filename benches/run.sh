#!/usr/bin/env bash
# Every figure of BENCHMARKS.md, one after another; says what is missing.
#
#   benches/run.sh [FIGURE...]     default: deploy noop edge rolling memory many course export push server bot logs build
#
# Measures the release build (ESTIBA names another program). Installs nothing:
# Debian has all of it (apt-get install jq wrk hyperfine nginx podman docker.io;
# caddy from 12 on, or from its own packages). Root has cgroups to measure with;
# docker needs root.
set -uo pipefail
benches=$(cd "$(dirname "$0")" && pwd)
figures=("$@")
((${#figures[@]})) || figures=(deploy noop edge rolling memory many course export push server bot logs build)

without=()
for each in jq wrk hyperfine nginx caddy podman dockerd kubectl helm k6 node; do
  command -v "$each" >/dev/null || without+=("$each")
done
((${#without[@]})) && echo "missing here, so not measured or not compared: ${without[*]}" >&2

if [[ ! ${ESTIBA:-} && " ${figures[*]} " != " build " ]]; then
  (cd "$benches/.." && cargo build --quiet --release --bin estiba) || exit 1
fi

failed=()
for figure in "${figures[@]}"; do
  echo "== $figure"
  "$benches/$figure.sh" || failed+=("$figure")
done
((${#failed[@]})) || exit 0
echo "not measured: ${failed[*]}" >&2
exit 1
