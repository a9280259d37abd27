#!/usr/bin/env bash
# A server with many deployments stored: what reads cost, what streams cost, and what
# it takes when nothing happens.
#
#   benches/server.sh [sqlite|postgres] [DEPLOYMENTS]    default: sqlite 100000
#
# 500 requests a second for 30 seconds, spread over the reads of the command and the
# page, each from another address; then 1,000 streams of events, which are told of one
# deployment. Needs jq, k6, python3, and sqlite3 or PostgreSQL's initdb, pg_ctl and psql.
. "$(dirname "$0")/common.sh"
kind=${1:-sqlite} count=${2:-100000}
needs jq k6 python3 curl
teams=7 rate=500 seconds=30 streams=1000

case $kind in
sqlite)
  needs sqlite3
  sql() { sqlite3 "$ESTIBA_STATE_DIR/estiba.db"; }
  ;;
postgres)
  PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
  needs initdb pg_ctl psql
  as() { if ((EUID == 0)); then runuser -u nobody -- "$@"; else "$@"; fi; }
  data=$work/postgres
  mkdir -p "$data"
  ((EUID == 0)) && chown nobody "$data" && chmod 755 "$work"
  (cd "$data" && as initdb -U estiba -A trust -D "$data/db" >/dev/null &&
    as pg_ctl -w -D "$data/db" -l "$data/log" -o "-c unix_socket_directories=$data -c listen_addresses=" start >/dev/null)
  on_exit+=("(cd / && as pg_ctl -m immediate -D $data/db stop >/dev/null)")
  export ESTIBA_DATABASE_URL="postgres://estiba@localhost/postgres?host=$data"
  sql() { psql -qh "$data" -U estiba postgres; }
  ;;
*) echo "not a database: $kind" >&2 && exit 2 ;;
esac

# Serves until `stop_server`; says where in $url.
start_server() {
  "$estiba" serve --json --listen 127.0.0.1:0 --behind-proxy >"$work/serve.out" 2>"$work/serve.log" &
  server=$!
  until [[ -s $work/serve.out ]]; do
    kill -0 "$server" && sleep 0.05
  done
  url=http://$(jq -r .address "$work/serve.out")
}
stop_server() { kill "$server" && wait "$server"; } # it has to end well
on_exit+=('kill $server 2>/dev/null')

resident_mb() { awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$1/status"; }

token=$("$estiba" token create first --login ana --role admin --json | jq -r .key)
start_server
export ESTIBA_URL=$url ESTIBA_TOKEN=$token
sleep 5
echo "idle, nothing stored: $(resident_mb "$server") MB"
make_project >/dev/null
sed -i 's/team: bench/team: t1/' estiba.yaml
for team in $(seq "$teams"); do "$estiba" team add "t$team" >/dev/null; done
"$estiba" up --version 1.0.0 >/dev/null 2>&1
stop_server

# Copies of the one real deployment, one in ten minutes until now.
ago="(n.i - $count) * CAST(600000 AS BIGINT)"
sql <<SQL
BEGIN;
CREATE TEMPORARY TABLE n AS
  WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < $count) SELECT i FROM n;
INSERT INTO releases SELECT 't' || t.i || '/bench', '1.0.' || v.i, git_commit, created_at_ms + v.i, images, content,
    replace(replace(release, '"team":"t1"', '"team":"t' || t.i || '"'), '"version":"1.0.0"', '"version":"1.0.' || v.i || '"')
  FROM releases, (SELECT i - 1 AS i FROM n WHERE i <= $teams + 1) t, (SELECT i FROM n WHERE i <= 100) v WHERE version = '1.0.0';
INSERT INTO projects SELECT 't' || n.i || '/bench', 't' || n.i, replace(files, 'team: t1', 'team: t' || n.i), updated_at_ms, updated_by
  FROM projects, n WHERE n.i <= $teams;
INSERT INTO deployments SELECT n.i, 't' || (1 + n.i % $teams) || '/bench',
    't' || (1 + n.i % $teams) || '/bench/' || CASE WHEN n.i % 3 = 0 THEN 'prod' ELSE 'test' END,
    '1.0.' || (2 + n.i % 99), cause, CASE WHEN n.i % 10 = 0 THEN 'failed' ELSE 'succeeded' END,
    created_at_ms + $ago, started_at_ms + $ago, finished_at_ms + $ago, NULL, sealed_inputs
  FROM deployments, n WHERE id = 1;
INSERT INTO steps SELECT n.i, position, step, state, started_at_ms + $ago, finished_at_ms + $ago, error
  FROM steps, n WHERE deployment = 1;
INSERT INTO happenings SELECT 1000 + n.i * 2 + h.id % 2, 't' || (1 + n.i % $teams), 't' || (1 + n.i % $teams) || '/bench/test',
    n.i, at_ms + $ago, kind, what FROM happenings h, n WHERE h.id <= 2;
INSERT INTO audit SELECT 1000 + n.i, at_ms + $ago, actor, origin, action, object, 't' || (1 + n.i % $teams), detail
  FROM audit, n WHERE id = 1;
UPDATE counters SET value = $count + 1 WHERE name = 'deployment';
UPDATE counters SET value = 2000 + $count * 2 WHERE name = 'happening';
UPDATE counters SET value = 2000 + $count WHERE name = 'audit';
COMMIT;
SQL
# PostgreSQL does this by itself, a minute later.
[[ $kind == sqlite ]] || sql <<<'ANALYZE'

start_server
export ESTIBA_URL=$url
sleep 5
echo "idle, $count deployments stored: $(resident_mb "$server") MB"

cat >"$work/reads.js" <<'JS'
import http from 'k6/http';
const team = () => `t${1 + Math.floor(Math.random() * 7)}`;
const number = () => 2 + Math.floor(Math.random() * (__ENV.COUNT - 2));
const of = (id) => `/api/v1/teams/t${1 + id % 7}/projects/bench/deployments/${id}`;
const reads = {
  teams: () => '/api/v1/teams',
  projects: () => `/api/v1/teams/${team()}/projects`,
  history: () => `/api/v1/teams/${team()}/projects/bench/environments/test/deployments?limit=20`,
  deployment: () => of(number()),
  releases: () => `/api/v1/teams/${team()}/projects/bench/releases?limit=20`,
  status: () => '/api/v1/teams/t1/projects/bench/environments/test',
  figures: () => `/api/v1/teams/${team()}/figures`,
  audit: () => `/api/v1/teams/${team()}/audit?limit=20`,
};
const names = Object.keys(reads);
const thresholds = { checks: [] };
names.forEach((name) => { thresholds[`http_req_duration{name:${name}}`] = ['p(99)<1e9']; });
export const options = {
  scenarios: { reads: {
    executor: 'constant-arrival-rate', rate: Number(__ENV.RATE), timeUnit: '1s',
    duration: `${__ENV.SECONDS}s`, preAllocatedVUs: 50, maxVUs: 200,
  } },
  summaryTrendStats: ['med', 'p(99)', 'max'], thresholds,
};
export default function () {
  const name = names[Math.floor(Math.random() * names.length)];
  const address = [1, 2, 3].map(() => Math.floor(Math.random() * 255)).join('.');
  http.get(__ENV.ESTIBA_URL + reads[name](), {
    tags: { name },
    headers: { Authorization: `Bearer ${__ENV.ESTIBA_TOKEN}`, 'X-Forwarded-For': `10.${address}` },
  });
}
export function handleSummary({ metrics }) {
  const of = (title, { values: v }) =>
    `${title.padEnd(12)} median ${v.med.toFixed(2)} ms, p99 ${v['p(99)'].toFixed(2)} ms, at most ${v.max.toFixed(1)} ms\n`;
  const rate = metrics.http_reqs.values.rate.toFixed(0);
  const failed = metrics.http_req_failed.values.passes;
  let text = `${rate} requests/s, ${failed} failed\n${of('all', metrics.http_req_duration)}`;
  names.forEach((name) => { text += of(name, metrics[`http_req_duration{name:${name}}`]); });
  return { stdout: text };
}
JS
export COUNT=$count RATE=$rate
k6 run --quiet --no-usage-report -e SECONDS="$seconds" "$work/reads.js" 2>"$work/k6.log"
echo "after that: $(resident_mb "$server") MB"

before=$(resident_mb "$server")
python3 "$benches/streams.py" "$url" "$token" "$streams" "$work/streams.ready" >"$work/streams.out" &
following=$!
until [[ -e $work/streams.ready ]]; do
  kill -0 "$following" && sleep 0.1
done
echo "$streams streams of events: from $before to $(resident_mb "$server") MB"
"$estiba" restart --env test >/dev/null 2>&1
wait "$following"
cat "$work/streams.out"
load
