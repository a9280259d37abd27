#!/usr/bin/env bash
# Resident memory of Estiba with idle instances: the edge, and a supervisor for
# each instance. The programs in the containers are not counted.
#
#   benches/memory.sh [INSTANCES]         default: 28
#
# RSS counts the pages that processes share (the program itself) once for each of
# them; PSS divides these among them, so that its sum is what the machine gives.
#
# Needs jq, and to be root or the owner of the processes.
. "$(dirname "$0")/common.sh"
needs jq
instances=${1:-28}

processes() { # ROLE: the ids of this benchmark's own
  local each
  for each in /proc/[0-9]*; do
    { tr '\0' ' ' <"$each/cmdline"; } 2>/dev/null |
      grep -q " local-$1 $ESTIBA_STATE_DIR" && echo "${each#/proc/}"
  done
  return 0
}

kb() { # FIELD ID: such as Rss, Pss, Private_Dirty
  awk -v field="$1:" '$1 == field { print $2 }' "/proc/$2/smaps_rollup"
}

total() { # FIELD ID...
  local sum=0 each
  for each in "${@:2}"; do sum=$((sum + $(kb "$1" "$each"))); done
  echo "$sum"
}

mb() { awk -v kb="$1" 'BEGIN { printf "%.1f", kb / 1024 }'; }

row() { # NAME ID...
  local name=$1
  shift
  printf '%-28s %9s %9s %12s\n' "$name" "$(mb "$(total Rss "$@")")" \
    "$(mb "$(total Pss "$@")")" \
    "$(mb $(($(total Private_Dirty "$@") + $(total Private_Clean "$@"))))"
}

make_project "$instances"
"$estiba" up --version 1.0.0 >"$work/log" 2>&1
for _ in $(seq 3); do # what is kept after some use, not after none
  "$estiba" status >/dev/null
  curl -fso /dev/null -H "Host: api.test.bench.bench.localhost:$(edge_port test)" \
    "http://127.0.0.1:$(edge_port test)/"
done
sleep "${SETTLE:-20}" # idle

mapfile -t edge < <(processes edge)
mapfile -t supervisors < <(processes supervisor)
echo "${#supervisors[@]} instances"
printf '%-28s %9s %9s %12s\n' MB RSS PSS 'own (USS)'
row 'edge' "${edge[@]}"
row 'all supervisors' "${supervisors[@]}"
row 'all of Estiba' "${edge[@]}" "${supervisors[@]}"
awk -v rss="$(total Rss "${supervisors[@]}")" -v pss="$(total Pss "${supervisors[@]}")" \
  -v n="${#supervisors[@]}" \
  'BEGIN { printf "%-28s %9.2f %9.2f\n", "each instance", rss / n / 1024, pss / n / 1024 }'
