#!/usr/bin/env bash
# The log store: lines a second, size, memory, and how long questions take.
#
#   benches/logs.sh [LINES]    default: 1,000,000 lines; 10,000,000 need 2 GB of disk
set -euo pipefail
cd "$(dirname "$0")/.."
exec cargo run --quiet --release -p estiba-log-store --example measure -- "${1:-1000000}"
