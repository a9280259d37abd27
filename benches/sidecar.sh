#!/usr/bin/env bash
# What it costs to read the logs of an instance that writes them to files: the image
# of the container `logs`, and what its process uses while nothing is written.
#
#   benches/sidecar.sh [SECONDS]         default: 60
#
# A debug build says nothing: its program is several times as large.
#
# Needs Docker and jq, and to be root (to look into the process).
TARGET=${TARGET:-'{ kind: docker }'}
. "$(dirname "$0")/common.sh"
needs docker jq
idle=${1:-60}

make_project 1
sed -i 's|^metadata:|metadata:\n  annotations: { estiba.dev/logs: "/data/logs/*.log" }|' api/score.yaml
"$estiba" up --version 1.0.0 >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }

labels=(--filter label=dev.estiba.team=bench --filter label=dev.estiba.project=bench)
container=$(docker ps --quiet "${labels[@]}" --filter label=dev.estiba.container=logs)
[[ $container ]] || { echo "no container of the name logs runs" >&2; exit 1; }
inspected=$(docker inspect "$container" | jq '.[0]')
pid=$(jq .State.Pid <<<"$inspected")
image=$(jq -r .Image <<<"$inspected")

ticks() { awk '{ print $14 + $15 }' "/proc/$pid/stat"; }
kb() { awk -v field="$1:" '$1 == field { print $2 }' "/proc/$pid/smaps_rollup"; }
mb() { awk -v kb="$1" 'BEGIN { printf "%.1f MB", kb / 1024 }'; }

started=$(ticks)
sleep "$idle"
used=$(($(ticks) - started))

layers=$(docker image inspect --format '{{.Size}}' "$image")
packed=$(docker save "$image" | gzip -6 | wc -c)
printf '%-34s %s\n' \
  'image' "$(awk -v b="$layers" 'BEGIN { printf "%.1f MB", b / 1e6 }')" \
  'image, compressed' "$(awk -v b="$packed" 'BEGIN { printf "%.1f MB", b / 1e6 }')" \
  "RSS after $idle s" "$(mb "$(kb Rss)")" \
  'of which its own (USS)' "$(mb $(($(kb Private_Dirty) + $(kb Private_Clean))))" \
  'of which is anonymous' "$(mb "$(kb Anonymous)")" \
  "CPU time in $idle s" "$(awk -v t="$used" -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.2f s", t / hz }')"
load
