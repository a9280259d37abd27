// telegram-test-api with what it lacks of the Bot API: a long poll with an offset,
// a conflict of two pollers, whole answers to edits and presses, dates in seconds.
// Prints its port. `/test/…` is for the test: to write, to press, to look.

const http = require('http');
const TelegramServer = require('telegram-test-api');

const TOKEN = process.argv[2];
const INNER = Number(process.argv[3]);
// argv[4]: where to listen, for who comes from another network.
const server = new TelegramServer({ port: INNER, host: '127.0.0.1', storeTimeout: 3600 });
const inner = `http://127.0.0.1:${INNER}`;
const shown = []; // what is in the chats: { chat, id, text, buttons, edits }
const answers = []; // what presses were answered with
let waiting = []; // updates that were not confirmed
let poller = null; // ends the poll that waits

const json = async (url, body) => {
  const headers = { 'content-type': 'application/json' };
  return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).json();
};
const chatOf = (id) => (id < 0
  ? { id, type: 'group', title: 'Group' }
  : { id, type: 'private', first_name: 'Person' });
const now = () => Math.floor(Date.now() / 1000);
const bot = { id: 4711, is_bot: true, first_name: 'Estiba', username: 'estiba_bot' };
const buttonsOf = (body) => ((body.reply_markup || {}).inline_keyboard || []).flat();
const whole = (one) => ({
  message_id: one.id, date: now(), from: bot, chat: chatOf(one.chat), text: one.text,
});

async function take() {
  const found = await json(`${inner}/bot${TOKEN}/getUpdates`, {});
  for (const update of found.result || []) {
    if (update.message) {
      update.message.chat = chatOf(update.message.chat.id);
      update.message.date = now();
    }
    if (update.callback_query) update.callback_query.chat_instance = '1';
    waiting.push(update);
  }
}

async function getUpdates(body, gone) {
  if (poller) poller();
  let conflict = false;
  const mine = () => { conflict = true; };
  poller = mine;
  const until = Date.now() + (body.timeout || 0) * 1000;
  waiting = waiting.filter((update) => update.update_id >= (body.offset || 0));
  for (;;) {
    if (conflict) {
      return [409, 'Conflict: terminated by other getUpdates request; make sure that only one bot instance is running'];
    }
    await take();
    if (waiting.length > 0 || Date.now() >= until || gone()) break;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  if (poller === mine) poller = null;
  return [200, waiting.slice(0, body.limit || 100)];
}

const methods = {
  getMe: async () => [200, {
    ...bot, can_join_groups: true, can_read_all_group_messages: false,
    supports_inline_queries: false, can_connect_to_business: false, has_main_web_app: false,
  }],
  getUpdates,
  sendMessage: async (body) => {
    const sent = await json(`${inner}/bot${TOKEN}/sendMessage`, body);
    const one = {
      chat: Number(body.chat_id), id: sent.result.message_id, text: body.text,
      buttons: buttonsOf(body), edits: 0,
    };
    shown.push(one);
    return [200, whole(one)];
  },
  editMessageText: async (body) => {
    const one = shown.find((m) => m.chat === Number(body.chat_id) && m.id === body.message_id);
    if (!one) return [400, 'Bad Request: message to edit not found'];
    await json(`${inner}/bot${TOKEN}/editMessageText`, body);
    Object.assign(one, { text: body.text, buttons: buttonsOf(body), edits: one.edits + 1 });
    return [200, whole(one)];
  },
  answerCallbackQuery: async (body) => {
    answers.push(body.text || '');
    return [200, true];
  },
  setMyCommands: async () => [200, true],
  deleteWebhook: async () => [200, true],
};

const test = {
  write: async ({ user, chat, lang, text }) => {
    const client = server.getClient(TOKEN, { userId: user, chatId: chat, type: chatOf(chat).type });
    const from = { language_code: lang };
    return client.sendCommand(client.makeCommand(text, { from }));
  },
  press: async ({ user, chat, lang, message, data }) => {
    const client = server.getClient(TOKEN, { userId: user, chatId: chat });
    const one = shown.find((m) => m.chat === chat && m.id === message);
    const query = client.makeCallbackQuery(data);
    query.from.language_code = lang;
    query.message = whole(one);
    return client.sendCallback(query);
  },
  look: async () => ({ shown, answers }),
};

async function answer(request, response) {
  let text = '';
  for await (const piece of request) text += piece;
  const body = text ? JSON.parse(text) : {};
  const [, place, name] = request.url.split('/');
  const end = (status, value) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
  };
  if (place === 'test') return end(200, await test[name](body));
  if (place !== `bot${TOKEN}`) return end(401, { ok: false, error_code: 401, description: 'Unauthorized' });
  const method = Object.keys(methods).find((one) => one.toLowerCase() === name.toLowerCase());
  if (!method) return end(404, { ok: false, error_code: 404, description: 'Not Found' });
  const [status, result] = await methods[method](body, () => response.destroyed);
  return status === 200
    ? end(200, { ok: true, result })
    : end(status, { ok: false, error_code: status, description: result });
}

server.start().then(() => {
  const front = http.createServer((request, response) => {
    answer(request, response).catch((error) => {
      console.error(error);
      response.writeHead(500);
      response.end(JSON.stringify({ ok: false, error_code: 500, description: String(error) }));
    });
  });
  front.listen(0, process.argv[4] || '127.0.0.1', () => console.log(front.address().port));
});
