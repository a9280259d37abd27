#!/usr/bin/env bash
# Requests a second, latency and CPU of one small GET through the edge, through nginx
# and through caddy, and straight to the backend that stands behind all of them;
# and the memory of each after it.
#
#   benches/edge.sh [SECONDS]      default: 10 for each measurement, of 3 rounds
#
# Needs wrk; measures nginx and caddy if they are here. Installs nothing. Uses
# the loopback ports 18080-18083. CONNECTIONS (64) and CLOSE=1 (a connection for
# each request) vary the load.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-10}
connections=${CONNECTIONS:-64}
rounds=${ROUNDS:-3}
work=$(mktemp -d)
declare -A pids=()
stop() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT

if ! command -v wrk >/dev/null; then
  echo "wrk is missing: install it (Debian: apt-get install wrk) and run this again" >&2
  exit 2
fi

cargo build --quiet --release -p estiba-edge --example edge_bench
bench=${CARGO_TARGET_DIR:-target}/release/examples/edge_bench

await() { # NAME PORT
  for _ in $(seq 200); do
    curl -fso /dev/null "http://localhost:$2/" && return
    kill -0 "${pids[$1]}" || break
    sleep 0.05
  done
  echo "$1 does not answer on port $2" >&2
  exit 1
}

"$bench" backend 18080 & pids[direct]=$!
"$bench" edge 18081 18080 & pids[edge]=$!
targets=(direct:18080 edge:18081)

if command -v nginx >/dev/null; then
  cat >"$work/nginx.conf" <<CONF
daemon off;
worker_processes auto;
pid $work/nginx.pid;
error_log $work/nginx.log;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path $work/body;
  proxy_temp_path $work/proxy;
  fastcgi_temp_path $work/fastcgi;
  uwsgi_temp_path $work/uwsgi;
  scgi_temp_path $work/scgi;
  keepalive_requests 1000000000;
  upstream backend { server 127.0.0.1:18080; keepalive 256; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:18082;
    server_name localhost;
    location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_buffering off;
      proxy_set_header Connection "";
      proxy_set_header Host \$host;
      proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto \$scheme;
      proxy_set_header X-Forwarded-Host \$host;
    }
  }
}
CONF
  nginx -c "$work/nginx.conf" -p "$work" -e "$work/nginx.log" & pids[nginx]=$!
  targets+=(nginx:18082)
else
  echo "nginx is missing: not measured" >&2
fi

if command -v caddy >/dev/null; then
  cat >"$work/Caddyfile" <<CONF
{
  admin off
  auto_https off
}
http://localhost:18083 {
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:18080
}
CONF
  XDG_DATA_HOME=$work XDG_CONFIG_HOME=$work \
    caddy run --config "$work/Caddyfile" >"$work/caddy.log" 2>&1 & pids[caddy]=$!
  targets+=(caddy:18083)
else
  echo "caddy is missing: not measured" >&2
fi

headers=()
[[ ${CLOSE:-} ]] && headers=(-H 'Connection: close')

resident() { # the process and its children, in MB
  local pid=$1 kb=0 each
  for each in "$pid" $(ps -o pid= --ppid "$pid"); do
    kb=$((kb + $(awk '/^VmRSS/ { print $2 }' "/proc/$each/status")))
  done
  echo "$((kb / 1024)).$((kb % 1024 * 10 / 1024))"
}

cpu_ms() { # what the process and its children have used
  local pid=$1 ticks=0 each
  for each in "$pid" $(ps -o pid= --ppid "$pid"); do
    ticks=$((ticks + $(sed 's/.*) //' "/proc/$each/stat" | awk '{ print $12 + $13 }')))
  done
  echo $((ticks * 1000 / $(getconf CLK_TCK)))
}

for target in "${targets[@]}"; do await "${target%:*}" "${target#*:}"; done
echo "$(nproc) cores, $connections connections, $seconds s a round"
# CPU a request is the steadiest figure on a machine that does other things too.
printf '%-8s %5s %10s %9s %9s %7s %11s %8s\n' \
  proxy round req/s p50 p99 errors 'CPU µs/req' 'RSS MB'
for round in $(seq "$rounds"); do
  for target in "${targets[@]}"; do
    name=${target%:*}
    before=$(cpu_ms "${pids[$name]}")
    wrk -t1 -c"$connections" -d"${seconds}s" --latency "${headers[@]}" \
      "http://localhost:${target#*:}/" >"$work/out"
    errors=$(awk '/Socket errors/ { gsub(",", ""); n += $4 + $6 + $8 + $10 }
                  /Non-2xx/ { n += $NF } END { print n + 0 }' "$work/out")
    used=$(($(cpu_ms "${pids[$name]}") - before))
    printf '%-8s %5s %10s %9s %9s %7s %11s %8s\n' "$name" "$round" \
      "$(awk '/Requests\/sec/ { print $2 }' "$work/out")" \
      "$(awk '/ 50%/ { print $2 }' "$work/out")" \
      "$(awk '/ 99%/ { print $2 }' "$work/out")" \
      "$errors" "$(awk -v ms="$used" '/requests in/ { printf "%.1f", ms * 1000 / $1 }' "$work/out")" \
      "$(resident "${pids[$name]}")"
  done
done
