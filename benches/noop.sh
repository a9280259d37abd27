#!/usr/bin/env bash
# `estiba up` with nothing changed, and `estiba status` beside it: time and CPU.
#
#   benches/noop.sh [RUNS]         default: 40
#
# Needs jq and hyperfine.
. "$(dirname "$0")/common.sh"
needs jq hyperfine
runs=${1:-40}

make_project
"$estiba" up --version 1.0.0 >"$work/log" 2>&1
"$estiba" up --version 1.0.0 2>/dev/null | grep -q "nothing was changed"

load
hyperfine --warmup 3 --runs "$runs" --shell none --export-json "$work/times.json" \
  --command-name up "$estiba up --version 1.0.0" \
  --command-name status "$estiba status" >"$work/log" 2>&1
jq -r '.results[] | "\(.command): median \(.median * 1000 | round) ms " +
  "(\(.min * 1000 | round) to \(.max * 1000 | round), \(.times | length) runs), " +
  "CPU \((.user + .system) * 1000 | round) ms"' "$work/times.json"
