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

cat >"$work/registry.yml" <<YAML
version: 0.1
storage: { filesystem: { rootdirectory: $work/registry } }
http: { addr: "127.0.0.1:18095" }
YAML
docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
on_exit+=("kill $!")
# In front of it, to count what is sent.
cat >"$work/nginx.conf" <<CONF
user root;
pid $work/nginx.pid;
error_log $work/nginx.log;
events {}
http {
  log_format sent '\$request_method \$request_length';
  access_log $work/sent.log sent;
  client_max_body_size 0;
  client_body_temp_path $work/body;
  proxy_temp_path $work/proxy;
  server {
    listen 127.0.0.1:18096;
    location / {
      proxy_pass http://127.0.0.1:18095;
      proxy_set_header Host \$http_host;
    }
  }
}
CONF
nginx -c "$work/nginx.conf" -g 'daemon off;' &
on_exit+=("kill $!")
for _ in $(seq 100); do
  curl -fso /dev/null http://127.0.0.1:18096/v2/ && break
  sleep 0.1
done

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

sent() { awk '{ sum += $2 } END { print sum + 0 }' "$work/sent.log"; }
whole=$(du -sb "$work/registry" | cut -f1)
before=$(sent)
sed -i 's/"not found"/"not here"/' "$project/api/src/main.rs"
"$estiba" deploy --env test --version 1.0.1 >"$work/log" 2>&1
echo "bytes sent for a changed program: $(($(sent) - before)), of an image store of $whole"
