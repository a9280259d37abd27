#!/usr/bin/env bash
# The fresh-machine story: an empty home, a clone, and the README's first command.
# Then what a user does next, each thing checked from outside.
#
#   bash tests/story.sh                    builds Estiba in the clone, as a user would
#   ESTIBA=/path/estiba bash tests/story.sh  uses that program and builds no Estiba
#
# Needs git, curl, jq, and what the README says. STORY_TARGET_DIR keeps compiled
# crates between runs (default: target/story of this checkout). As root, the story
# is also told for an unprivileged user (STORY_ROOTLESS=no leaves that out).
set -uo pipefail

checkout=$(cd "$(dirname "$0")/.." && pwd)
export CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
export CARGO_TARGET_DIR=${STORY_TARGET_DIR:-$checkout/target/story}
export GIT_AUTHOR_NAME=Story GIT_AUTHOR_EMAIL=story@example.org
export GIT_COMMITTER_NAME=Story GIT_COMMITTER_EMAIL=story@example.org
unset ESTIBA_STATE_DIR ESTIBA_DATABASE_URL ESTIBA_PASSPHRASE

home=$(mktemp -d /tmp/estiba-story.XXXXXX)
# Others may pass through: PostgreSQL and the unprivileged user live below it.
chmod 755 "$home"
export HOME=$home ESTIBA_LANG=en
export XDG_STATE_HOME=$home/state XDG_DATA_HOME=$home/data
export XDG_CONFIG_HOME=$home/config XDG_CACHE_HOME=$home/cache
clone=$home/clone
example=$clone/examples/tp2
rootless_home='' rootless_user='' follower=''
passed=0 failed=0

# Estiba on the example, as the README's `estiba`.
e() { "$program" -C "$example" "$@"; }
# As the unprivileged user, with the toolchain, the downloaded crates and the compiled
# ones at places that this user may reach; /mnt, because Cargo compiles anew what
# comes from another path.
as_user() {
    unshare --mount --propagation private bash -c '
        mount --bind "$1" "$4/toolchain" && mount --bind "$3" "$4/target" &&
            mount --bind "$4/cargo" /mnt && mount --bind "$2" /mnt/registry || exit 1
        shift 4; exec "$@"' - "$sysroot" "$CARGO_HOME/registry" "$CARGO_TARGET_DIR/rootless" "$rootless_home" \
        setpriv --reuid="$rootless_user" --regid="$rootless_group" --clear-groups \
        env -i -C "$rootless_home" PATH="$rootless_home/toolchain/bin:/usr/local/bin:/usr/bin:/bin" \
        HOME="$rootless_home" ESTIBA_LANG=en CARGO_NET_OFFLINE=true \
        CARGO_HOME=/mnt CARGO_TARGET_DIR="$rootless_home/target" "$@"
}

# Processes that run under a folder of this story, by their arguments.
processes_of() { ps -eo pid=,args= | awk -v dir="$1/" 'index($0, dir) && !/awk/ { print $1 }'; }
end_processes_of() {
    local pids
    pids=$(processes_of "$1")
    # shellcheck disable=SC2086 # one word a process
    [ -z "$pids" ] || kill $pids 2>/dev/null
}

cleanup() {
    local code=$?
    trap - EXIT INT TERM
    [ -z "$follower" ] || kill "$follower" 2>/dev/null
    if [ -x "${program:-}" ] && [ -d "$example" ]; then
        e down --env prod --yes >/dev/null 2>&1
        e down --env test --yes >/dev/null 2>&1
    fi
    if [ -n "$rootless_home" ] && [ -x "$rootless_home/estiba" ]; then
        as_user "$rootless_home/estiba" -C "$rootless_home/tp2" down --env test --yes >/dev/null 2>&1
        end_processes_of "$rootless_home"
    fi
    end_processes_of "$home"
    if [ -n "${STORY_KEEP:-}" ]; then echo "kept: $home"; else rm -rf "$home"; fi
    exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# check NAME COMMAND…: one line a check; what the command said, where it failed.
check() {
    local name=$1 said
    shift
    if said=$("$@" 2>&1); then
        echo "ok    $name"
        passed=$((passed + 1))
    else
        echo "FAIL  $name"
        [ -z "$said" ] || sed 's/^/      /' <<<"$said"
        failed=$((failed + 1))
    fi
}
same() { [ "$1" = "$2" ] || { echo "wanted: $1"; echo "got:    $2"; return 1; }; }
differ() { [ "$1" != "$2" ] || { echo "both: $1"; return 1; }; }
has() { [[ $1 == *"$2"* ]] || { echo "no \"$2\" in:"; echo "$1"; return 1; }; }
fails() { ! "$@"; }
finish() { echo "$passed passed, $failed failed"; [ "$failed" = 0 ]; exit; }

url_of() { e status --json | jq -r --arg env "$1" '.[] | select(.environment == $env).urls[] | select(.workload == "api").url'; }
runs_in() { e status --json | jq -r --arg env "$1" '.[] | select(.environment == $env).deployed.version'; }
instances_of() { e status --json | jq -r --arg env "$1" --arg w "${2:-}" '[.[] | select(.environment == $env).instances[] | select($w == "" or .workload == $w)] | length'; }
answered() { curl -sS --max-time 10 "$@"; }
version_at() { answered "$1/version" | jq -r .version; }
notes_at() { answered "$1/notes" | jq -r '[.[].text] | sort | join(",")'; }
code_of() { answered -o /dev/null -w '%{http_code}' "$@"; }
add_note() { answered -f -H 'Content-Type: application/json' -d "{\"text\":\"$2\"}" "$1/notes" >/dev/null; }
# The programs that an environment's instances really run, by hash: asked from the
# kernel, not from Estiba.
programs_in() {
    local dir=$XDG_STATE_HOME/estiba/local/environments/demo/tp2/$1/instances/ pid
    ps -eo pid=,ppid=,args= | awk -v dir="$dir" '
        { parent[$1] = $2; if (index($0, "local-supervisor") && index($0, dir)) mine[$1] = 1 }
        END {
            for (pid in parent)
                for (up = parent[pid]; up > 1; up = parent[up]) if (up in mine) { print pid; break }
        }' |
        while read -r pid; do sha256sum "/proc/$pid/exe" 2>/dev/null | cut -d' ' -f1; done |
        grep -v "$(sha256sum <"$program" | cut -d' ' -f1)" | sort -u
}
# The images that deployments brought, by digest.
images_in() { e history --env "$1" --steps --json | jq -r '.. | .image? // empty' | sort -u; }
nothing_in() { [ -z "$1" ] || { echo "$1"; return 1; }; }

for tool in git curl jq cargo setpriv; do
    command -v "$tool" >/dev/null || { echo "the story needs $tool"; exit 2; }
done

# --- Command 1 -------------------------------------------------------------
git clone --quiet "$checkout" "$clone" || exit 1
cd "$clone" || exit 1
if [ -n "${ESTIBA:-}" ]; then
    program=$ESTIBA
    first() { "$program" up examples/tp2; }
else
    program=$CARGO_TARGET_DIR/release/estiba
    first() { cargo run --release -- up examples/tp2; }
fi
check "command 1: up examples/tp2" first
if [ "$failed" != 0 ]; then finish; fi

test_url=$(url_of test)
first_version=$(runs_in test)
check "the API answers the version that was released" same "$first_version" "$(version_at "$test_url")"
check "the version is the clone's commit or tag" has \
    "$(git rev-parse HEAD) $(git tag --points-at HEAD)" "${first_version%%-*}"
check "the database answers" same 200 "$(code_of "$test_url/health")"
check "a note is taken" add_note "$test_url" "first"
check "the note is kept" same first "$(notes_at "$test_url")"
check "both workloads run" same 2 "$(instances_of test)"
check "check finds nothing" e check

again=$(e up 2>&1)
check "a second up says that nothing changed" has "$again" "nothing was changed"
check "and makes no deployment" same 1 "$(e history --env test --json | jq length)"
check "plan has no steps" same 0 "$(e plan --json | jq '.steps | length')"

# --- prod ------------------------------------------------------------------
plan_before=$(e history --env prod --json | jq length)
check "plan for prod has steps" differ 0 "$(e plan --env prod --json | jq '.steps | length')"
check "and does nothing" same "$plan_before" "$(e history --env prod --json | jq length)"
promote() { e promote --from test --to prod >"$home/promoted" 2>&1 || { cat "$home/promoted"; return 1; }; }
check "promote takes the release to prod" promote
check "and builds nothing" fails grep -i build "$home/promoted"
prod_url=$(url_of prod)
check "prod runs the version of test" same "$first_version" "$(version_at "$prod_url")"
check "prod runs the very programs of test" same "$(programs_in test)" "$(programs_in prod)"
check "which are two" same 2 "$(programs_in prod | wc -l)"
check "test got two images, by digest" same 2 "$(images_in test | grep -c '^sha256:')"
check "prod got no other" nothing_in "$(comm -13 <(images_in test) <(images_in prod))"
check "the notes of test are not in prod" same "" "$(notes_at "$prod_url")"
check "reset exists in test alone" same 404 "$(code_of -X POST "$prod_url/reset")"

# --- A second release, and back --------------------------------------------
sed -i 's/MAX_NOTE_CHARS: usize = 280/MAX_NOTE_CHARS: usize = 140/' "$example/api/src/http.rs"
git commit --quiet --all --message "Shorter notes" && git tag v9.9.0
check "up takes the second release to test" e up
check "the version is the Git tag" same 9.9.0 "$(version_at "$test_url")"
check "the note outlived the release" same first "$(notes_at "$test_url")"
check "prod still runs the first" same "$first_version" "$(version_at "$prod_url")"
sed -i 's/MAX_NOTE_CHARS: usize = 140/MAX_NOTE_CHARS: usize = 120/' "$example/api/src/http.rs"
check "a version with other content is refused" fails e up --version 9.9.0
git checkout --quiet .
check "rollback goes back" e rollback --env test
check "to the version before" same "$first_version" "$(version_at "$test_url")"
check "releases lists both" same "$(printf '9.9.0\n%s' "$first_version" | sort)" \
    "$(e releases --json | jq -r '.[].version' | sort)"

# --- Secrets ---------------------------------------------------------------
# As a secret it stands before the config of that name: nobody listens there, and
# with no token the bot doesn't ask.
planted="http://planted-$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n').invalid"
set_secret() { printf %s "$planted" | e secret set TELEGRAM_API_URL --env test; }
check "a secret is set from stdin" set_secret
check "secret list has its name" has "$(e secret list --env test)" TELEGRAM_API_URL
check "a restart gives it to the bot" e restart bot --env test
reached() { grep -lF -- "$planted" /proc/[0-9]*/environ 2>/dev/null; }
[ "$(id -u)" != 0 ] || check "the secret reached a process" has "$(reached)" environ
# As root, databases are outside of the home.
places=("$XDG_STATE_HOME" "$XDG_DATA_HOME" "$XDG_CACHE_HOME" "$XDG_CONFIG_HOME" /var/lib/estiba /tmp/estiba*)
check "no file has the secret" nothing_in "$(grep -rlaF -D skip -- "$planted" "${places[@]}" 2>/dev/null)"
check "no output has the secret" fails grep -F "$planted" <<<"$(
    e logs bot --env test
    e history --env test --steps --json
    e status --json
    e config get --env test
)"
check "no argument has the secret" fails grep -F "$planted" <<<"$(ps -eo args= | grep -v grep)"
check "a secret is forgotten" e secret unset TELEGRAM_API_URL --env test

# --- Data ------------------------------------------------------------------
check "db backup writes a file" e db backup "$home/notes.dump" --env test
check "reset removes the notes" same 204 "$(code_of -X POST "$test_url/reset")"
check "no note is left" same "" "$(notes_at "$test_url")"
check "db restore" e db restore "$home/notes.dump" --env test --yes
check "the note is back" same first "$(notes_at "$test_url")"

# --- What runs -------------------------------------------------------------
check "logs show what the API wrote" has "$(e logs api --env test)" ' listening '
e logs api --env test --follow >"$home/followed" 2>&1 &
follower=$!
check "a followed log takes new lines" bash -c '
    for _ in $(seq 50); do
        curl -s "$1/notes?followed" >/dev/null
        grep -q "path=/notes" "$2" && exit 0
        sleep 0.2
    done; exit 1' - "$test_url" "$home/followed"
kill "$follower" 2>/dev/null
follower=''
check "exec runs a program inside" has "$(e exec api --env test -- api migrate 2>&1)" "up to date"
check "exec gives the program's exit code" fails e exec api --env test -- api nothing-of-the-kind
check "scale makes copies" e scale api=3 --env test
check "three run" same 3 "$(instances_of test api)"
check "scale ends copies" e scale api=1 --env test
check "one runs" same 1 "$(instances_of test api)"

# --- Drift -----------------------------------------------------------------
drift_in() { e status --json | jq --arg env "$1" '.[] | select(.environment == $env).drift | length'; }
check "no drift before" same 0 "$(drift_in prod)"
victim=$(ps -eo pid=,args= | awk -v dir="$XDG_STATE_HOME/estiba/local/environments/demo/tp2/prod/instances/api-" \
    'index($0, "local-supervisor") && index($0, dir) && !/awk/ { print $1; exit }')
kill -9 "$victim"
check "a killed instance shows as drift" differ 0 "$(drift_in prod)"
check "prod answers all the same" same "$first_version" "$(version_at "$prod_url")"
check "deploy mends it" e deploy --env prod
check "no drift after" same 0 "$(drift_in prod)"

# --- Mistakes --------------------------------------------------------------
echo "unknwon: 1" >>"$example/estiba.yaml"
check "check fails on an unknown key" fails e check
check "and names file and line" has "$(e check 2>&1)" "estiba.yaml:28"
git checkout --quiet .
e --no-such-option >/dev/null 2>&1
check "a wrong command line ends with 2" same 2 $?
check "without --yes and nobody to ask, down does nothing" fails e down --env test </dev/null

# --- Down ------------------------------------------------------------------
check "down of prod" e down --env prod --yes
check "test answers all the same" same "$first_version" "$(version_at "$test_url")"
check "down of test" e down --env test --yes
check "no instance is left" same 0 "$(e status --json | jq '[.[].instances[]] | length')"
check "no process of an instance is left" same "" \
    "$(ps -eo args= | awk -v dir="$XDG_STATE_HOME/" 'index($0, dir) && !/awk/')"
check "the address answers no more" fails answered -f "$test_url/version"

# --- The same with no privilege --------------------------------------------
rootless() {
    rootless_user=$(id -u nobody) rootless_group=$(id -g nobody)
    rootless_home=$home/nobody
    sysroot=$(cd "$checkout" && rustc --print sysroot)
    mkdir -p "$rootless_home"/{toolchain,cargo/registry,target}
    cp "$program" "$rootless_home/estiba"
    [ ! -f "$CARGO_HOME/config.toml" ] || cp "$CARGO_HOME/config.toml" "$rootless_home/cargo/"
    cp -r "$example" "$rootless_home/tp2" && rm -rf "$rootless_home/tp2/target"
    mkdir -p "$CARGO_TARGET_DIR/rootless"
    chown -R "$rootless_user:$rootless_group" "$rootless_home" "$CARGO_TARGET_DIR/rootless"
    u() { as_user "$rootless_home/estiba" -C "$rootless_home/tp2" "$@"; }
    check "rootless: doctor" u doctor
    check "rootless: up" u up
    local url
    url=$(u status --json 2>/dev/null | jq -r '.[0].urls[0].url')
    check "rootless: the API answers" same "$(u status --json | jq -r '.[0].deployed.version')" "$(version_at "$url")"
    check "rootless: a note is taken" add_note "$url" "mine"
    check "rootless: the note is kept" same mine "$(notes_at "$url")"
    check "rootless: a second up changes nothing" has "$(u up 2>&1)" "nothing was changed"
    check "rootless: nothing runs as root" same "" \
        "$(ps -eo user=,args= | awk -v dir="$rootless_home/" 'index($0, dir) && $1 == "root" && !/awk|setpriv/')"
    check "rootless: down" u down --env test --yes
}
if [ "$(id -u)" = 0 ] && [ "${STORY_ROOTLESS:-yes}" = yes ]; then
    if setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups unshare --user true; then
        rootless
    else
        echo "skip  rootless: this machine has no user namespaces for an unprivileged user"
    fi
fi

finish
