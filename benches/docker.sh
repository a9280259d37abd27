#!/usr/bin/env bash
# Two workloads on a Docker Engine, from nothing to the answers of both, of images
# that the engine has:
#
#   estiba deploy          until both answer through the edge
#   docker-compose up -d   until both answer at their ports
#
#   benches/docker.sh [RUNS]       default: 10 of each, taken in turns
#
# Needs jq, a Docker Engine and docker-compose. Uses the loopback ports 18093 and
# 18094.
. "$(dirname "$0")/common.sh"
needs jq docker docker-compose
runs=${1:-10}
export TARGET='{ kind: docker }' WORKLOADS='api web'

make_project
"$estiba" deploy --env test --version 1.0.0 >"$work/log" 2>&1
app=$project/api/target/release/bench-app
edge=$(edge_port test)

image_of() { # WORKLOAD
  docker ps -q --filter label=dev.estiba.team=bench --filter "label=dev.estiba.workload=$1" |
    head -1 | xargs docker inspect --format '{{.Image}}'
}
cat >"$work/compose.yaml" <<YAML
version: "3.7"
services:
  api:
    image: "$(image_of api)"
    environment: { PORT: "8080" }
    ports: ["127.0.0.1:18093:8080"]
  web:
    image: "$(image_of web)"
    environment: { PORT: "8080" }
    ports: ["127.0.0.1:18094:8080"]
YAML

run_estiba() {
  "$estiba" deploy --env prod --version 1.0.0 >"$work/log" 2>&1 || return
  "$app" await api.prod.bench.bench.localhost "$edge"
  "$app" await web.prod.bench.bench.localhost "$edge"
}
end_estiba() { down prod; }
compose() { docker-compose -p estiba-bench -f "$work/compose.yaml" "$@" >"$work/log" 2>&1; }
on_exit+=('compose down -t 0')
run_compose() {
  compose up -d || return
  "$app" await localhost 18093
  "$app" await localhost 18094
}
end_compose() { compose down -t 0; }

for each in estiba compose; do "run_$each" && "end_$each"; done
load
for _ in $(seq "$runs"); do
  for each in estiba compose; do
    begin=$(now_ms)
    "run_$each" || { cat "$work/log" >&2; exit 1; }
    echo "$(($(now_ms) - begin))" >>"$work/$each.ms"
    "end_$each"
  done
done
load
for each in estiba compose; do
  printf '%-12s ms: %s\n' "$each" "$(summary <"$work/$each.ms")"
done
