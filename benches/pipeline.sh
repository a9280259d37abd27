#!/usr/bin/env bash
# What Estiba adds to a pipeline: the time of its commands from a tag to healthy, in
# the pipeline that `estiba ci gitlab` writes as gitlab-ci-local runs it; and how many
# lines of pipeline a team with two repositories has.
#
#   benches/pipeline.sh [ROUNDS]       default: 5
#
# Needs gitlab-ci-local, which .ci/run installs, rsync and git.
. "$(dirname "$0")/common.sh"
PATH=$PATH:$repository/target/ci-tools/npm/node_modules/.bin
needs gitlab-ci-local rsync git
rounds=${1:-5}

for name in api bot; do
  project=$work/$name
  mkdir -p "$project/app"
  cp -r "$benches"/app/{Cargo.toml,Cargo.lock,score.yaml,src} "$project/app"
  cat >"$project/estiba.yaml" <<YAML
project: $name
team: moria
workloads: [app/score.yaml]
targets:
  here: { kind: local }
environments:
  test: { on: here }
  prod: { on: here, after: test }
YAML
  printf 'target/\n.gitlab-ci-local/\n' >"$project/.gitignore"
  git -C "$project" init --quiet --initial-branch=main
  git -C "$project" remote add origin "https://gitlab.example.edu/moria/$name.git"
  "$estiba" -C "$project" ci gitlab >/dev/null
done
echo "lines of pipeline of two repositories: $(cat "$work"/{api,bot}/.gitlab-ci.yml | wc -l)"

# What the jobs find as `estiba`: the program, and a clock for it.
mkdir "$work/bin"
cat >"$work/bin/estiba" <<SH
#!/usr/bin/env bash
begin=\$(date +%s%N)
"$estiba" "\$@"
code=\$?
echo "\$(((\$(date +%s%N) - begin) / 1000000)) \$1" >>"$work/times"
exit \$code
SH
chmod +x "$work/bin/estiba"
PATH=$work/bin:$PATH

cd "$work/api"
on_exit+=('"$estiba" down --env test --yes >/dev/null 2>&1')
spent() { awk -v word="$1" '$2 == word {sum += $1} END {print sum + 0}' "$work/times"; }
for round in $(seq "$rounds"); do
  echo "// $round" >>app/src/main.rs
  git add --all
  git -c user.name=bench -c user.email=bench@example.edu commit --quiet --message "$round"
  git tag "v1.0.$round"
  : >"$work/times"
  begin=$(date +%s%N)
  if ! "$estiba" ci run --tag "v1.0.$round" >"$work/log" 2>&1; then
    cat "$work/log"
    exit 1
  fi
  all=$((($(date +%s%N) - begin) / 1000000))
  echo "round $round: release $(spent release) ms, Cargo's build in it; deploy to healthy $(spent deploy) ms; check and report $(($(spent check) + $(spent ci))) ms; the whole pipeline $all ms"
done
