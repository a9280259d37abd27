#!/usr/bin/env bash
# Requests that fail while a workload is deployed again and again under load.
#
#   benches/rolling.sh [DEPLOYMENTS]      default: 20
#   TARGET='{ kind: docker }' benches/rolling.sh
#   TARGET='{ kind: kubernetes }' REGISTRY=127.0.0.1:5000/bench DRAIN_SECONDS=5 benches/rolling.sh
#
# With DRAIN_SECONDS the program goes on answering for so long when it is told to end,
# and closes connections that were kept; without it, it ends at once. Kubernetes before
# 1.30 needs the first: what ends at once loses what is on its way to it.
#
# Two instances behind the edge (on Kubernetes, behind their service), each
# deployment a new version. Two loads at once: one over connections that stay open,
# one with a connection for each request. Failed is: an answer that is not 2xx or
# 3xx, a connection refused or cut, no answer within 10 s.
#
# Needs jq and wrk.
. "$(dirname "$0")/common.sh"
needs jq wrk
deployments=${1:-20}
loads=()

make_project 2
if [[ -n ${DRAIN_SECONDS:-} ]]; then
  sed -i "s/image: \\./&\\n    variables: { DRAIN_SECONDS: \"$DRAIN_SECONDS\" }/" "$project/api/score.yaml"
fi
"$estiba" up --version 1.0.0 >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
find_api test

# Wrk asks the system's resolver, which need not know *.localhost.
attack() { # NAME [HEADER...]
  wrk -t1 -c8 -d1h --timeout 10s -H "Host: $host" "${@:2}" \
    "$base/version" >"$work/$1.wrk" 2>&1 &
  loads+=($!)
  on_exit+=("kill -INT $! 2>/dev/null")
}
attack kept
attack closed -H 'Connection: close'

load
begin=$(now_ms)
for number in $(seq "$deployments"); do
  "$estiba" deploy --env test --version "1.0.$number" >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
  }
  answer=$(curl -fsS -H "Host: $host" "$base/version")
  [[ $answer == "1.0.$number" ]] || { echo "1.0.$number is deployed, $answer answers" >&2; exit 1; }
done
took=$(($(now_ms) - begin))
kill -INT "${loads[@]}"
wait "${loads[@]}" || true
load

echo "$deployments deployments in $((took / 1000)) s"
for each in kept closed; do
  awk -v name="$each" '
    /requests in/ { all = $1 }
    /Requests\/sec/ { rate = $2 }
    /Socket errors/ { gsub(",", ""); failed += $4 + $6 + $8 + $10 }
    /Non-2xx/ { failed += $NF }
    END { printf "connections %-7s %d requests (%d a second), %d failed\n", name ":", all, rate, failed }
  ' "$work/$each.wrk"
done
