/**
 * A scripted Messages API on loopback, so that the real CLI runs end to end without an account.
 *
 * A script is a list of rules. For each `POST /v1/messages` the first rule that matches and has uses left answers;
 * a request that none fits is answered with the text `ok`. Every request is recorded. Types: server.d.mts.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const textOf = (content) => {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((block) => (block.type === 'tool_result' ? textOf(block.content) : (block.text ?? ''))).join('\n');
};

function matches(when, request) {
  if (when === undefined) return true;
  if (typeof when === 'function') return when(request);
  return typeof when === 'string' ? request.last.includes(when) : when.test(request.last);
}

/** The reply for a request, by the first rule that fits. */
function choose(rules, request) {
  const rule = rules.find((candidate) => candidate.used < candidate.times && matches(candidate.when, request));
  if (!rule) return { text: 'ok' };
  rule.used += 1;
  if (typeof rule.reply === 'function') return rule.reply(request);
  return Array.isArray(rule.reply) ? rule.reply[Math.min(rule.used, rule.reply.length) - 1] : rule.reply;
}

function* blocksOf(reply, n) {
  if (reply.text !== undefined) {
    const deltas = Array.isArray(reply.text) ? reply.text : [reply.text];
    yield { start: { type: 'text', text: '' }, deltas: deltas.map((text) => ({ type: 'text_delta', text })) };
  }
  for (const [index, tool] of (reply.tools ?? []).entries()) {
    yield {
      start: { type: 'tool_use', id: tool.id ?? `toolu_${n}_${index}`, name: tool.name, input: {} },
      deltas: [{ type: 'input_json_delta', partial_json: JSON.stringify(tool.input) }],
    };
  }
}

async function stream(response, reply, request, signal) {
  const send = (event) => response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  const usage = { input_tokens: 10, output_tokens: 5, ...reply.usage };
  const message = {
    id: `msg_${request.n}`,
    type: 'message',
    role: 'assistant',
    model: request.body.model,
    content: [],
  };
  response.writeHead(200, { 'content-type': 'text/event-stream', 'request-id': `req_${request.n}`, ...reply.headers });
  send({ type: 'message_start', message: { ...message, stop_reason: null, usage: { ...usage, output_tokens: 1 } } });
  let index = 0;
  for (const block of blocksOf(reply, request.n)) {
    send({ type: 'content_block_start', index, content_block: block.start });
    for (const [n, delta] of block.deltas.entries()) {
      if (reply.pace && n > 0) await sleep(reply.pace, undefined, { signal });
      send({ type: 'content_block_delta', index, delta });
    }
    send({ type: 'content_block_stop', index });
    index += 1;
  }
  if (reply.hang === 'end') return;
  const stop_reason = reply.stop_reason ?? (reply.tools?.length ? 'tool_use' : 'end_turn');
  send({ type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage });
  send({ type: 'message_stop' });
  response.end();
}

async function answer(response, reply, request) {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  try {
    if (reply.delay) await sleep(reply.delay, undefined, { signal: gone.signal });
    if (reply.hang === true) return;
    if (reply.error) {
      const { status, type, message = type, headers } = reply.error;
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify({ type: 'error', error: { type, message }, request_id: `req_${request.n}` }));
      return;
    }
    await stream(response, reply, request, gone.signal);
  } catch (error) {
    if (!gone.signal.aborted) throw error;
  }
}

async function bodyOf(message) {
  const chunks = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

export async function startMessagesApi(script = [], { port = 0 } = {}) {
  const requests = [];
  const rules = script.map((rule) => ({ times: Array.isArray(rule.reply) ? rule.reply.length : 1, ...rule, used: 0 }));
  const server = createServer(async (message, response) => {
    const path = new URL(message.url ?? '/', 'http://stub').pathname;
    if (message.method !== 'POST' || path !== '/v1/messages') {
      message.resume();
      response.writeHead(404).end();
      return;
    }
    const body = JSON.parse(await bodyOf(message));
    const turns = (body.messages ?? []).filter((turn) => turn.role === 'user');
    const request = {
      n: requests.length + 1,
      at: Date.now(),
      headers: message.headers,
      body,
      last: textOf(turns.at(-1)?.content),
    };
    requests.push(request);
    await answer(response, choose(rules, request), request);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return { url: `http://127.0.0.1:${server.address().port}`, requests, close, [Symbol.asyncDispose]: close };
}

/** Text in even pieces of `size` characters, for a reply that streams. */
export const pieces = (text, size = 8) => text.match(new RegExp(`[\\s\\S]{1,${size}}`, 'gu')) ?? [''];

/** The reply of an API that has too much to do. */
export const overloaded = { error: { status: 529, type: 'overloaded_error', message: 'Overloaded' } };

/** The reply to a key that is not valid. */
export const unauthorized = { error: { status: 401, type: 'authentication_error', message: 'invalid x-api-key' } };

/** The reply when a subscription's window is used up; `resets`: seconds since 1970. */
export const usageLimit = (resets) => ({
  error: {
    status: 429,
    type: 'rate_limit_error',
    message: "This request would exceed your account's rate limit. Please try again later.",
    headers: {
      'retry-after': String(Math.max(1, resets - Math.floor(Date.now() / 1000))),
      'x-should-retry': 'false',
      'anthropic-ratelimit-unified-status': 'rejected',
      'anthropic-ratelimit-unified-reset': String(resets),
      'anthropic-ratelimit-unified-representative-claim': 'five_hour',
    },
  },
});
