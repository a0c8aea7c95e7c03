/**
 * A task through the real Claude CLI, the Messages API a stub on loopback that answers at once, beside a bare `claude -p`
 * with the same prompt, flags and environment. Ours counts from the rename into the inbox: to the end of the message, as
 * the bare one counts to its exit; and, with a process kept warm, to the first of the answer in the file, as the bare
 * one counts to the first of it on stdout.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { optionArguments, sessionArguments } from '../../dist/runners/claude/arguments.js';
import { userLine } from '../../dist/runners/claude/protocol.js';
import { startMessagesApi } from '../../tests/support/messages-api/server.mjs';
import { now, startDaemonProcess } from '../support/daemon-child.mjs';
import { compare } from '../support/figures.mjs';
import { folder, isolated, makeRoot } from '../support/place.mjs';
import { until } from '../support/until.mjs';

const PROMPT = 'Say hello.\n';
const ANSWER = 'Hello from the stub.';
/** Between two tasks, so that a warm process has started; ms. */
const PAUSE = 2_500;

/** @param {import('./index.mjs').RowContext} context */
export async function measureClaude({ dir, quick, cli, say }) {
  const repetitions = quick ? 3 : 7;
  const api = await startMessagesApi([{ times: Infinity, reply: { text: ANSWER } }]);
  const env = isolated(join(dir, 'home'), {
    IS_SANDBOX: '1',
    ANTHROPIC_BASE_URL: api.url,
    ANTHROPIC_API_KEY: 'sk-test',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    CLAUDE_CODE_EAGER_FLUSH: '1',
    DISABLE_AUTOUPDATER: '1',
  });
  const cold = await openOurs(join(dir, 'cold'), cli, env, 0);
  const warm = await openOurs(join(dir, 'warm'), cli, env, 1);
  const whole = [];
  const first = [];
  try {
    for (let n = 0; n <= repetitions; n += 1) {
      const cwd = join(dir, `bare-${n}`);
      mkdirSync(cwd);
      await sleep(PAUSE);
      const bare = await runBare(cli, env, cwd);
      const ours = await cold.pass(n);
      const ahead = await warm.pass(n);
      if (n === 0) continue; // the first start of the CLI in a new home does more
      whole.push({ value: ours.end, beside: bare.end });
      first.push({ value: ahead.first, beside: bare.first });
      say(
        `${n} of ${repetitions}: ${ours.end.toFixed(0)} ms, bare ${bare.end.toFixed(0)} ms; first answer warm ${ahead.first.toFixed(0)} ms, bare ${bare.first.toFixed(0)} ms`,
      );
    }
  } finally {
    await cold.close();
    await warm.close();
    await api.close();
  }
  const atMost = (limit) => ({ of: /** @type {const} */ ('ratio'), is: /** @type {const} */ ('at most'), limit });
  return [
    compare({
      name: 'a task through the real CLI',
      unit: 'ms',
      beside: 'bare claude -p',
      pairs: whole,
      target: atMost(1.1),
    }),
    compare({
      name: 'warm: to the first answer',
      unit: 'ms',
      beside: 'bare claude -p',
      pairs: first,
      target: atMost(0.4),
    }),
  ];
}

async function openOurs(dir, cli, env, warm) {
  const root = makeRoot(dir, { runner: 'claude', runners: { claude: { path: cli, warm } } });
  const prepared = join(root, 'prepared');
  mkdirSync(prepared);
  for (let n = 0; n < 20; n += 1) writeFileSync(join(prepared, `${n}.md`), PROMPT);
  const first = new Map();
  const ended = new Map();
  const daemon = await startDaemonProcess(root, {
    env,
    events: ['output', 'finished'],
    onEvent({ type, name, at, text }) {
      if (type === 'output' && text?.includes(ANSWER.slice(0, 5)) && !first.has(name)) first.set(name, at);
      if (type === 'finished') ended.set(name, at);
    },
  });
  return {
    async pass(n) {
      const name = `${n}.md`;
      const at = now();
      renameSync(join(prepared, name), join(folder(root, 'server', 'inbox'), name));
      await until(() => ended.has(name), 60_000, `the end of ${name}`);
      if (!first.has(name)) throw new Error(`${name} ended without an answer`);
      return { first: first.get(name) - at, end: ended.get(name) - at };
    },
    close: () => daemon.stop(),
  };
}

function runBare(cli, env, cwd) {
  const args = [
    ...optionArguments({ permission_mode: 'default' }),
    ...sessionArguments(randomUUID(), false, undefined),
  ];
  const started = performance.now();
  const bare = spawn(cli, args, { cwd, env, stdio: ['pipe', 'pipe', 'inherit'] });
  let first = Number.NaN;
  createInterface({ input: bare.stdout }).on('line', (line) => {
    if (Number.isNaN(first) && line.includes(ANSWER.slice(0, 5)) && !line.includes('"isReplay"'))
      first = performance.now() - started;
    if (line.startsWith('{"type":"result"')) bare.stdin.end();
  });
  bare.stdin.write(`${userLine(PROMPT.trim(), randomUUID()).trimEnd()}\n`);
  return new Promise((resolve, reject) => {
    bare.once('error', reject);
    bare.once('close', (code) => {
      if (code === 0 && !Number.isNaN(first)) resolve({ first, end: performance.now() - started });
      else reject(new Error(`the bare claude ended with ${code}`));
    });
  });
}
