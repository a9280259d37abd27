#!/usr/bin/env bash
# `estiba export` of a project with many workloads, against what reads such sets:
# `kubectl kustomize` and `helm template` on the very files that were exported.
#
#   benches/export.sh [WORKLOADS] [RUNS]    default: 1000 workloads, 5 runs
#
# Each workload has a Score file of its own, with two variables, a probe, limits,
# a service, a route, and a resource that names the workload before it. Images are
# named and not built, so that only the export is measured.
#
# Needs jq and hyperfine; kubectl and helm (HELM names the program) where there
# are any.
. "$(dirname "$0")/common.sh"
needs jq hyperfine
count=${1:-1000}
runs=${2:-5}
helm=${HELM:-helm}

project=$work/project
mkdir -p "$project"
cd "$project"
workloads=()
for number in $(seq "$count"); do
  name=w$number
  workloads+=("$name.yaml")
  cat >"$name.yaml" <<YAML
apiVersion: score.dev/v1b1
metadata:
  name: $name
containers:
  main:
    image: registry.example.org/bench/app:1
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
  route: { type: route, params: { host: $name.example.org, path: /, port: 8080 } }
$( ((number > 1)) && echo "  before: { type: service-port, params: { workload: w$((number - 1)), port: http } }")
YAML
done
cat >estiba.yaml <<YAML
project: bench
team: bench
workloads:
$(printf '  - %s\n' "${workloads[@]}")
targets:
  here: { kind: local }
environments:
  test: { on: here, config: { LOG_LEVEL: info } }
YAML

# Out of date exports are removed before each run, which is not measured.
measured=()
for format in compose kubernetes helm; do
  out=$work/$format
  measured+=(--prepare "rm -rf $out" --command-name "export $format"
    "$estiba export $format -o $out --version 1.0.0")
done
load
hyperfine --warmup 1 --runs "$runs" --output null --export-json "$work/times.json" \
  "${measured[@]}" >"$work/log" 2>&1 || { tail -20 "$work/log" >&2; exit 1; }

others=()
if command -v kubectl >/dev/null; then
  others+=(--command-name 'kubectl kustomize' "kubectl kustomize $work/kubernetes")
fi
if command -v "$helm" >/dev/null; then
  others+=(--command-name 'helm template' "$helm template bench $work/helm")
fi
if ((${#others[@]})); then
  # Once: kustomize takes minutes for 1,000.
  hyperfine --runs 1 --output null --export-json "$work/others.json" \
    "${others[@]}" >"$work/log" 2>&1 || { tail -20 "$work/log" >&2; exit 1; }
else
  echo '{"results": []}' >"$work/others.json"
fi
jq -rs '[.[].results[]] | .[] | "\(.command): median \(.median * 1000 | round) ms " +
  "(\(.min * 1000 | round) to \(.max * 1000 | round), \(.times | length) runs), " +
  "CPU \((.user + .system) * 1000 | round) ms"' "$work/times.json" "$work/others.json"
