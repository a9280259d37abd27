#!/usr/bin/env bash
# From the command to the first answer over HTTP, of one image that is ready
# (built, unpacked, run once before):
#
#   estiba deploy   into an environment with nothing in it, until the answer
#                   comes through the edge; with the edge already running for
#                   another environment, and with nothing running at all
#   docker run -d   until the program answers
#   podman run -d   until the program answers
#
#   benches/deploy.sh [RUNS]       default: 15 of each, taken in turns
#
# The three run the very same image: Estiba's own, copied to the others by
# podman. They all use the host's network, which is also the fastest that Docker
# and Podman have. A dockerd of its own is started. Needs jq; measures docker and
# podman if they are here and work. Uses the loopback ports 18091 and 18092.
. "$(dirname "$0")/common.sh"
needs jq
runs=${1:-15}

make_project
"$estiba" deploy --env test --version 1.0.0 >"$work/log" 2>&1
app=$project/api/target/release/bench-app
edge=$(edge_port test)

# Estiba's image store is an OCI layout; this is one with the image in its index.
digest=$("$estiba" history --env test --steps --json | jq -r '[.. | .image? // empty][0]')
layout=$work/layout
mkdir -p "$layout"
cp -r "$ESTIBA_STATE_DIR/images/blobs" "$ESTIBA_STATE_DIR/images/oci-layout" "$layout"
jq -n --arg digest "$digest" \
  --argjson size "$(stat -c %s "$layout/blobs/sha256/${digest#sha256:}")" \
  '{schemaVersion: 2, manifests: [{digest: $digest, size: $size,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    annotations: {"org.opencontainers.image.ref.name": "bench"}}]}' >"$layout/index.json"

targets=(estiba estiba_cold)
export CONTAINERS_STORAGE_CONF=$work/storage.conf
cat >"$CONTAINERS_STORAGE_CONF" <<CONF
[storage]
driver = "overlay"
graphroot = "$work/podman"
runroot = "$work/podman-run"
CONF
if ! command -v podman >/dev/null; then
  echo "podman is missing: not measured, and docker neither, whose image it copies" >&2
else
  on_exit+=('podman rm -af >/dev/null 2>&1; podman rmi -af >/dev/null 2>&1; umount "$work/podman/overlay" 2>/dev/null')
  tar -C "$layout" -cf "$work/image.tar" .
  podman load -q -i "$work/image.tar" >"$work/log"
  podman tag "$(podman images -q | head -1)" localhost/bench:1
  has_image=1
  targets+=(podman)
fi

start_docker() {
  export DOCKER_HOST=unix://$work/docker.sock
  # A bridge of its own: without any, dockerd removes the one that another engine
  # of this machine uses.
  ip link add estiba-bench type bridge && ip addr add 10.255.254.1/24 dev estiba-bench
  on_exit+=("ip link del estiba-bench")
  dockerd -H "$DOCKER_HOST" --data-root "$work/docker" --exec-root "$work/docker-run" \
    --pidfile "$work/docker.pid" --iptables=false --bridge=estiba-bench >"$work/docker.log" 2>&1 &
  local daemon=$!
  on_exit+=("kill $daemon; wait $daemon; umount $work/docker-run/netns/default 2>/dev/null")
  for _ in $(seq 100); do
    docker version >/dev/null 2>&1 && break
    sleep 0.1
  done
  podman save -q --format docker-archive localhost/bench:1 | docker load -q >/dev/null
}
if ! command -v dockerd >/dev/null; then
  echo "dockerd is missing: not measured" >&2
elif [[ ${has_image:-} ]]; then
  start_docker && targets+=(docker)
fi

run_estiba() {
  "$estiba" deploy --env prod --version 1.0.0 >"$work/log" 2>&1 || return
  "$app" await api.prod.bench.bench.localhost "$edge"
}
end_estiba() { down prod; }
run_estiba_cold() { run_estiba; }
end_estiba_cold() { down prod; }
run_docker() {
  docker run -d --rm --network host -e PORT=18091 --name bench localhost/bench:1 \
    >"$work/log" 2>&1 || return
  "$app" await localhost 18091
}
end_docker() { docker rm -f bench >/dev/null 2>&1; }
# By default Podman raises the limits of files and processes, which not every
# root may; and crun refuses some machines' cgroups, where runc is used instead.
podman_runtime=()
run_podman() {
  podman "${podman_runtime[@]}" run -d --rm --ulimit nofile=1024:1024 \
    --ulimit nproc=4096:4096 --network host -e PORT=18092 --name bench \
    localhost/bench:1 >"$work/log" 2>&1 || return
  "$app" await localhost 18092
}
end_podman() { podman rm -f -t 0 bench >/dev/null 2>&1; }

measure() { # NAME
  local begin
  begin=$(now_ms)
  if ! "run_$1"; then
    echo "$1 does not run here:" >&2
    cat "$work/log" >&2
    return 1
  fi
  took=$(($(now_ms) - begin))
  "end_$1" || true
}

# Once each before measuring; what can't run here is not measured.
working=()
for each in "${targets[@]}"; do
  if [[ $each == podman ]] && ! measure podman && command -v runc >/dev/null; then
    end_podman || true
    podman_runtime=(--runtime runc)
    echo "podman: with runc"
  fi
  # Cold is measured by turns with a deployment that starts the edge again.
  [[ $each == estiba_cold ]] || measure "$each" || continue
  working+=("$each")
done
load
for run in $(seq "$runs"); do
  for each in "${working[@]}"; do
    if [[ $each == estiba_cold ]]; then
      down test # the last environment takes the edge along
      measure "$each"
      "$estiba" deploy --env test --version 1.0.0 >"$work/log" 2>&1
      edge=$(edge_port test)
    else
      measure "$each"
    fi
    echo "$took" >>"$work/$each.ms"
  done
done
load
for each in "${working[@]}"; do
  printf '%-12s ms: %s\n' "$each" "$(summary <"$work/$each.ms")"
done
