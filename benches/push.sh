#!/usr/bin/env bash
# The bytes that a push sends: of a first version, and of one that changed a small
# layer on top of a big one.
#
#   estiba deploy     to a cluster, which takes images from the registry
#   docker push       of the same images, to another repository there
#
#   benches/push.sh [BASE]    default: python:3.11-slim, which the Docker Engine has to have
#
# Needs jq, docker, docker-registry and nginx (which counts), and a cluster by
# KUBECONFIG whose node is this machine. Uses the loopback ports 18097 and 18098.
. "$(dirname "$0")/common.sh"
needs jq docker docker-registry nginx kubectl
base=${1:-python:3.11-slim}

counting_registry 18097 18098

project=$work/project
mkdir -p "$project"
cd "$project"
cat >Dockerfile <<DOCKER
FROM $base
COPY app.sh /app.sh
USER 1000
ENTRYPOINT ["sh", "/app.sh"]
DOCKER
cat >score.yaml <<'YAML'
apiVersion: score.dev/v1b1
metadata: { name: app }
containers:
  main: { image: . }
YAML
cat >estiba.yaml <<YAML
project: push
team: bench
workloads: [score.yaml]
registry: 127.0.0.1:18098/bench
targets:
  here: { kind: kubernetes }
environments:
  test: { on: here }
YAML
on_exit=('down test' "${on_exit[@]}")

write() { # VERSION: a program of a few bytes
  printf '# %s\ntrap "exit 0" TERM\nwhile :; do sleep 1 & wait; done\n' "$1" >app.sh
}
measure() { # NAME COMMAND...
  local name=$1 before
  shift
  before=$(sent)
  "$@" >"$work/log" 2>&1 || { tail -20 "$work/log" >&2; exit 1; }
  printf '%-32s %10d bytes\n' "$name" "$(($(sent) - before))"
}

for version in 1.0.0 1.0.1; do
  write "$version"
  docker build --quiet --tag "127.0.0.1:18098/docker/app:$version" . >/dev/null
  on_exit+=("docker rmi 127.0.0.1:18098/docker/app:$version >/dev/null")
  measure "estiba deploy, version $version" "$estiba" deploy --env test --version "$version"
  measure "docker push, version $version" docker push "127.0.0.1:18098/docker/app:$version"
done
