#!/usr/bin/env bash
# Two workloads on a Kubernetes cluster, from nothing to both rolled out, of images
# that the node has; and the bytes that a push of a changed program sends.
#
#   estiba deploy                      the manifests, applied and watched
#   kubectl apply + rollout status     the same manifests, as Estiba exports them
#
#   benches/kubernetes.sh [RUNS]       default: 5 of each, taken in turns
#
# Needs jq, kubectl, docker-registry and nginx, and a cluster by KUBECONFIG whose node
# is this machine. Uses the loopback ports 18095 and 18096.
. "$(dirname "$0")/common.sh"
needs jq kubectl docker-registry nginx
runs=${1:-5}

counting_registry 18095 18096

export TARGET='{ kind: kubernetes }' REGISTRY=127.0.0.1:18096/bench WORKLOADS='api web'
make_project
"$estiba" deploy --env test --version 1.0.0 >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
"$estiba" export kubernetes --env prod --version 1.0.0 -o "$work/manifests" >"$work/log" 2>&1
namespace=bench-prod

run_estiba() { "$estiba" deploy --env prod --version 1.0.0 >"$work/log" 2>&1; }
end_estiba() { down prod; }
run_kubectl() {
  kubectl apply -f "$work/manifests/manifests" >"$work/log" 2>&1 &&
    kubectl -n "$namespace" rollout status deployment/bench-api >"$work/log" 2>&1 &&
    kubectl -n "$namespace" rollout status deployment/bench-web >"$work/log" 2>&1
}
end_kubectl() { kubectl delete --wait -f "$work/manifests/manifests" >"$work/log" 2>&1; }
on_exit+=('end_kubectl')

for each in estiba kubectl; do "run_$each" && "end_$each"; done
load
for _ in $(seq "$runs"); do
  for each in estiba kubectl; do
    begin=$(now_ms)
    "run_$each" || { cat "$work/log" >&2; exit 1; }
    echo "$(($(now_ms) - begin))" >>"$work/$each.ms"
    "end_$each" || true
  done
done
load
for each in estiba kubectl; do
  printf '%-12s ms: %s\n' "$each" "$(summary <"$work/$each.ms")"
done

whole=$(du -sb "$work/registry" | cut -f1)
before=$(sent)
sed -i 's/"not found"/"not here"/' "$project/api/src/main.rs"
"$estiba" deploy --env test --version 1.0.1 >"$work/log" 2>&1
echo "bytes sent for a changed program: $(($(sent) - before)), of an image store of $whole"
