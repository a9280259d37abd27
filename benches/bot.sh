#!/usr/bin/env bash
# The Telegram bot: the memory that it takes when nothing happens, and how long after a
# deployment its chat is told.
#
#   benches/bot.sh [TIMES]    default: 10
#
# Speaks to npm's telegram-test-api, as the tests do. Needs jq, curl, node and npm.
. "$(dirname "$0")/common.sh"
needs jq curl node npm
times=${1:-10} bot_token=4711:benchmark person=11

mkdir "$work/telegram"
cp "$repository"/crates/estiba/tests/bot/{package.json,telegram.cjs} "$work/telegram"
(cd "$work/telegram" && npm install --no-audit --no-fund >/dev/null 2>&1)
(cd "$work/telegram" && exec node telegram.cjs "$bot_token" 18096) >"$work/telegram.out" &
on_exit+=("kill $!")
until [[ -s $work/telegram.out ]]; do sleep 0.1; done
telegram=http://127.0.0.1:$(cat "$work/telegram.out")
ask() { curl -fsS -H 'content-type: application/json' -d "$2" "$telegram/test/$1"; }
write() { ask write "{\"user\":$person,\"chat\":$person,\"lang\":\"en\",\"text\":\"$1\"}" >/dev/null; }
told() { ask look '{}' | jq -r --arg words "$1" '[.shown[].text | select(contains($words))] | length'; }

token=$("$estiba" token create first --login ana --role admin --json | jq -r .key)
own=$("$estiba" token create telegram --machine --role bot --json | jq -r .key)
"$estiba" serve --json --listen 127.0.0.1:0 >"$work/serve.out" 2>/dev/null &
on_exit+=("kill $!")
until [[ -s $work/serve.out ]]; do sleep 0.05; done
export ESTIBA_URL=http://$(jq -r .address "$work/serve.out") ESTIBA_TOKEN=$token
ESTIBA_TOKEN=$own TELEGRAM_TOKEN=$bot_token TELEGRAM_API_URL=$telegram "$estiba" bot 2>"$work/bot.log" &
bot=$!
on_exit+=("kill $bot")

make_project
"$estiba" team add bench >/dev/null
write "/start $("$estiba" chat-code --json | jq -r .code)"
until (($(told 'You are'))); do sleep 0.1; done
write '/subscribe bench'
until (($(told 'told what happens'))); do sleep 0.1; done
"$estiba" up --version 1.0.0 >/dev/null 2>&1
sleep 10
echo "bot, idle: $(awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$bot/status") MB"

for _ in $(seq "$times"); do
  before=$(told succeeded)
  "$estiba" restart --env test >/dev/null 2>&1
  begun=$(now_ms)
  until (($(told succeeded) > before)); do sleep 0.01; done
  echo $(($(now_ms) - begun))
  sleep 3 # the next one is a message of its own, and no flood
done | (echo -n 'from the end of a deployment to its message, ms: '; summary)
load
