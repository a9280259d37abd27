#!/usr/bin/env bash
# A course on this machine: seconds from nothing to all teams up, memory of all that
# runs then, and `course apply` with nothing to do.
#
#   benches/course.sh [TEAMS] [MANY TEAMS] [RUNS]   default: 7 teams, 100 teams, 10 runs
#
# The teams have the example of this repository in `test` and `prod`: an API, a bot and
# a PostgreSQL. The many have one static server in each. Programs are built before.
#
# Needs jq and hyperfine, and to be root or the owner of the processes.
. "$(dirname "$0")/common.sh"
needs jq hyperfine
teams=${1:-7} many=${2:-100} runs=${3:-10}

make_course() { # FILE, FOLDER OF THE PROJECT, TEAMS
  local number
  printf 'course: bench\nproject: %s\nteams:\n' "$2" >"$1"
  for number in $(seq "$3"); do echo "  team-$number: {}" >>"$1"; done
}
end_course() { # FILE
  local team
  for team in $(sed -n 's/^  \(team-[0-9]*\): .*/\1/p' "$1"); do
    "$estiba" course down "$1" --team "$team" --yes >/dev/null 2>&1
  done
}

# This benchmark's processes and what they started, by parents.
descendants() {
  ps -eo pid=,ppid=,args= | awk -v state="$ESTIBA_STATE_DIR" -v data="$1" '
    { pid[NR] = $1; parent[$1] = $2
      if (index($0, state) || (data != "" && index($0, data))) ours[$1] = 1 }
    END { do { more = 0
        for (n in pid) if (!(pid[n] in ours) && (parent[pid[n]] in ours)) { ours[pid[n]] = 1; more = 1 }
      } while (more)
      for (one in ours) print one }'
}
memory_mb() { # FOLDER OF POSTGRESQL
  local each sum=0 kb
  for each in $(descendants "$1"); do
    kb=$(awk '$1 == "Pss:" { print $2 }' "/proc/$each/smaps_rollup" 2>/dev/null) || continue
    sum=$((sum + ${kb:-0}))
  done
  echo $((sum / 1024))
}

servers=/var/lib/estiba/postgres
before=$([ ! -d "$servers" ] || ls "$servers")
course=$work/course.yaml
cp -r "$repository/examples/tp2" "$work/tp2"
make_course "$course" tp2 "$teams"
on_exit=("end_course $course" "${on_exit[@]}")
"$estiba" course plan "$course" --version 1.0.0 >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
load
begin=$(now_ms)
"$estiba" course apply "$course" --version 1.0.0 --yes >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
echo "$teams teams in test and prod, up: $((($(now_ms) - begin))) ms"
sleep "${SETTLE:-20}" # idle
server=$(comm -13 <(sort <<<"$before") <(ls "$servers" 2>/dev/null | sort) | head -1)
echo "memory of all that runs (PSS): $(memory_mb "${server:+$servers/$server}") MB"
end_course "$course"

course=$work/many.yaml
make_project
make_course "$course" project "$many"
on_exit=("end_course $course" "${on_exit[@]}")
"$estiba" course apply "$course" --version 1.0.0 --yes >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
load
hyperfine --warmup 1 --runs "$runs" --shell none --output null --export-json "$work/times.json" \
  "$estiba course apply $course --version 1.0.0 --yes" >"$work/log" 2>&1
jq -r '.results[] | "nothing to do, '"$many"' teams: median \(.median * 1000 | round) ms " +
  "(\(.min * 1000 | round) to \(.max * 1000 | round), \(.times | length) runs), " +
  "CPU \((.user + .system) * 1000 | round) ms"' "$work/times.json"
