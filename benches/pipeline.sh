#!/usr/bin/env bash
# What Estiba adds to a pipeline: seconds of our commands from a tag to healthy, as
# gitlab-ci-local runs the pipeline that `estiba ci gitlab` writes, and the lines of
# pipeline that a team of two repositories has.
#
#     benches/pipeline.sh [ROUNDS]
set -euo pipefail
rounds=${1:-5}
here=$(cd "$(dirname "$0")/.." && pwd)
estiba=${ESTIBA:-$here/target/release/estiba}
tools=$here/target/ci-tools/npm/node_modules/.bin
PATH="$(dirname "$estiba"):$tools:$PATH"
for tool in estiba gitlab-ci-local rsync git; do
    command -v "$tool" >/dev/null || { echo "skipped: $tool is missing (.ci/run installs it)"; exit 0; }
done

work=$(mktemp -d)
export ESTIBA_STATE_DIR=$work/state LC_ALL=C
end() {
    (cd "$work/api" && estiba down --env test --yes >/dev/null 2>&1) || echo "test was left in $work"
    rm -rf "$work"
}
trap end EXIT

for name in api bot; do
    mkdir -p "$work/$name"
    cd "$work/$name"
    git init --quiet --initial-branch=main
    git config user.name bench
    git config user.email bench@example.edu
    git remote add origin "https://gitlab.example.edu/moria/$name.git"
    cp -r "$here/benches/app" app
    rm -rf app/target
    cat >app/score.yaml <<'YAML'
apiVersion: score.dev/v1b1
metadata: { name: app }
containers:
  main:
    image: .
    readinessProbe: { httpGet: { path: /health, port: 8080 } }
service:
  ports:
    http: { port: 8080 }
YAML
    cat >estiba.yaml <<YAML
project: $name
team: moria
workloads: [app/score.yaml]
targets:
  here: { kind: local }
environments:
  test: { on: here }
  prod: { on: here, after: test }
YAML
    printf 'target/\n.gitlab-ci-local/\n' >.gitignore
    estiba ci gitlab >/dev/null
done
lines=$(cat "$work"/{api,bot}/.gitlab-ci.yml | wc -l)
echo "lines of pipeline of two repositories: $lines"

# The clock of every command of Estiba that the jobs run.
mkdir "$work/bin"
cat >"$work/bin/estiba" <<SH
#!/usr/bin/env bash
begin=\$(date +%s%N)
"$estiba" "\$@"
code=\$?
echo "\$(( (\$(date +%s%N) - begin) / 1000000 )) \$1 \${2-}" >>"$work/times"
exit \$code
SH
chmod +x "$work/bin/estiba"
PATH="$work/bin:$PATH"
cd "$work/api"
for round in $(seq "$rounds"); do
    echo "// $round" >>app/src/main.rs
    git add --all
    git commit --quiet --message "$round"
    git tag "v1.0.$round"
    : >"$work/times"
    begin=$(date +%s%N)
    estiba ci run --tag "v1.0.$round" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
    all=$(( ($(date +%s%N) - begin) / 1000000 ))
    build=$(awk '$2 == "release" {print $1}' "$work/times")
    deploy=$(awk '$2 == "deploy" {print $1}' "$work/times")
    rest=$(awk '$2 == "check" || ($2 == "ci" && $3 != "run") {sum += $1} END {print sum}' "$work/times")
    echo "round $round: release $build ms (with Cargo), deploy to healthy $deploy ms, check and report $rest ms, whole pipeline $all ms"
done
