# What the benchmarks share; read by each of them, not run.
#
# ESTIBA names the program to measure (default: the release build of this
# repository). Everything is done under a new folder in BENCH_DIR (default
# /tmp), with a state directory of its own, and taken down at the end.
set -euo pipefail
benches=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(dirname "$benches")
estiba=${ESTIBA:-${CARGO_TARGET_DIR:-$repository/target}/release/estiba}
work=$(mktemp -d "${BENCH_DIR:-/tmp}/estiba-bench.XXXXXX")
export ESTIBA_STATE_DIR=$work/state ESTIBA_LANG=en
unset CARGO_TARGET_DIR # programs of projects are built in their own folders

if [[ ! -x $estiba ]]; then
  echo "$estiba is missing: cargo build --release, or set ESTIBA" >&2
  exit 2
fi

needs() { # COMMAND...
  local each missing=()
  for each; do command -v "$each" >/dev/null || missing+=("$each"); done
  ((${#missing[@]} == 0)) && return
  echo "missing: ${missing[*]}" >&2
  exit 2
}

on_exit=()
finish() {
  local each
  for each in "${on_exit[@]}"; do eval "$each" || true; done
  rm -rf "$work"
}
trap finish EXIT

# A project in $project with HTTP workloads, one program under the names in
# WORKLOADS (default: api), and the environments `test` and `prod` on TARGET
# (default: { kind: local }); what runs there is taken down at the end.
make_project() { # [REPLICAS OF api]
  project=$work/project
  local each files=()
  for each in ${WORKLOADS:-api}; do
    mkdir -p "$project"
    cp -r "$benches/app" "$project/$each"
    rm -rf "$project/$each/target"
    sed -i "s/name: api/name: $each/" "$project/$each/score.yaml"
    files+=("$each/score.yaml")
  done
  cat >"$project/estiba.yaml" <<YAML
project: bench
team: bench
workloads: [$(IFS=,; echo "${files[*]}")]
${REGISTRY:+registry: $REGISTRY}
targets:
  here: ${TARGET:-{ kind: local \}}
environments:
  test: { on: here, replicas: { api: ${1:-1} } }
  prod: { on: here, after: test }
YAML
  on_exit=('down prod' 'down test' "${on_exit[@]}")
  cd "$project"
}

down() { "$estiba" down --env "$1" --yes >/dev/null 2>&1; }

edge_port() { # ENVIRONMENT
  "$estiba" status --json | jq -r --arg env "$1" \
    '[.. | strings | select(test("^http://api\\." + $env + "\\."))][0]' |
    sed -E 's|.*:([0-9]+).*|\1|'
}

# Sets $base and $host of api: where it is asked, and for which host. On Kubernetes
# that is its service, which this machine reaches if it is the node.
find_api() { # ENVIRONMENT
  if [[ ${TARGET:-} == *kubernetes* ]]; then
    host=$(kubectl -n "bench-$1" get service bench-api -o jsonpath='{.spec.clusterIP}:{.spec.ports[0].port}')
    base=http://$host
  else
    base=http://127.0.0.1:$(edge_port "$1")
    host=api.$1.bench.bench.localhost:${base##*:}
  fi
}

now_ms() { echo "$((${EPOCHREALTIME/[.,]/} / 1000))"; }

# The median, least and greatest of the numbers on standard input.
summary() {
  sort -n | awk '{ v[NR] = $1 }
    END { m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
          printf "median %g (%g to %g, %d runs)\n", m, v[1], v[NR], NR }'
}

load() { echo "load of the last minute: $(cut -d' ' -f1 /proc/loadavg), $(nproc) cores"; }

# A registry behind a proxy that counts what is sent: `sent` says how many bytes until
# now. What it keeps is in $work/registry. Needs docker-registry and nginx.
counting_registry() { # PORT OF THE REGISTRY, PORT OF THE PROXY
  cat >"$work/registry.yml" <<YAML
version: 0.1
storage: { filesystem: { rootdirectory: $work/registry } }
http: { addr: "127.0.0.1:$1" }
YAML
  OTEL_TRACES_EXPORTER=none docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
  on_exit+=("kill $!")
  cat >"$work/nginx.conf" <<CONF
$( ((EUID == 0)) && echo 'user root;') # what is sent goes through a folder of this user
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
    listen 127.0.0.1:$2;
    location / {
      proxy_pass http://127.0.0.1:$1;
      proxy_set_header Host \$http_host;
    }
  }
}
CONF
  nginx -c "$work/nginx.conf" -g 'daemon off;' &
  on_exit+=("kill $!")
  for _ in $(seq 100); do
    curl -fso /dev/null "http://127.0.0.1:$2/v2/" && return
    sleep 0.1
  done
  echo "no registry at port $1; see $work/registry.log" >&2
  return 1
}
sent() { awk '{ sum += $2 } END { print sum + 0 }' "$work/sent.log"; }
