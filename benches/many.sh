#!/usr/bin/env bash
# `estiba check` and `estiba plan` of a project with many workloads.
#
#   benches/many.sh [WORKLOADS] [RUNS]    default: 1000 workloads, 10 runs
#
# Each workload has a Score file of its own, with two variables, a probe, limits,
# a service, an environment, and a resource that names the workload before it.
# All are the same program, already packed, so that no build is measured.
#
# Needs jq and hyperfine.
. "$(dirname "$0")/common.sh"
needs jq hyperfine
count=${1:-1000}
runs=${2:-10}

make_project
workloads=()
for number in $(seq "$count"); do
  name=w$number
  workloads+=("api/$name.yaml")
  cat >"$project/api/$name.yaml" <<YAML
apiVersion: score.dev/v1b1
metadata:
  name: $name
containers:
  main:
    image: .
    variables:
      LOG_LEVEL: \${resources.env.LOG_LEVEL}
      GREETING: "hello from \${metadata.name}"
$( ((number > 1)) && echo "      UPSTREAM: http://\${resources.before.hostname}:\${resources.before.port}")
    readinessProbe:
      httpGet: { path: /health, port: 8080 }
    resources:
      limits: { memory: 64M, cpu: 100m }
service:
  ports:
    http: { port: 8080, targetPort: 8080 }
resources:
  env: { type: environment }
$( ((number > 1)) && echo "  before: { type: service-port, params: { workload: w$((number - 1)), port: http } }")
YAML
done
cat >"$project/estiba.yaml" <<YAML
project: bench
team: bench
workloads:
$(printf '  - %s\n' "${workloads[@]}")
targets:
  here: { kind: local }
environments:
  test: { on: here, config: { LOG_LEVEL: info } }
YAML

"$estiba" check >"$work/log" || { head -20 "$work/log" >&2; exit 1; }
"$estiba" plan --env test --json 2>"$work/log" | # builds the program
  jq -r '"\([.. | .step? // empty | strings] | length) steps planned"'

load
hyperfine --warmup 1 --runs "$runs" --shell none --output null --export-json "$work/times.json" \
  --command-name check "$estiba check" \
  --command-name plan "$estiba plan --env test" >"$work/log" 2>&1
jq -r '.results[] | "\(.command): median \(.median * 1000 | round) ms " +
  "(\(.min * 1000 | round) to \(.max * 1000 | round), \(.times | length) runs), " +
  "CPU \((.user + .system) * 1000 | round) ms"' "$work/times.json"
