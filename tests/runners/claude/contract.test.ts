import { afterEach } from 'vitest';
import { join } from 'node:path';
import { createClaudeRunner } from '../../../src/runners/claude/index.js';
import type { Runner } from '../../../src/runners/port.js';
import { claudeCli, isolatedEnvironment } from '../../support/claude-cli.js';
import { type MessagesApi, pieces, startMessagesApi, type Rule } from '../../support/messages-api/server.mjs';
import { testdir } from '../../support/testdir.js';
import { runnerContract } from '../contract.js';
import { bash, FREE } from './harness.js';

const always = Infinity;
const unicode = 'grüße 🦜 漢字 é \u{1F469}\u200D\u{1F680} '.repeat(400).trim();

const script: Rule[] = [
  { when: 'hello', times: always, reply: { text: pieces('Hello from the stub', 5) } },
  {
    when: 'wrong',
    times: always,
    reply: { error: { status: 400, type: 'invalid_request_error', message: 'no such thing' } },
  },
  { when: 'forever', times: always, reply: { text: 'going to sleep', tools: [bash('sleep 300')] } },
  { when: 'unicode', times: always, reply: { text: pieces(unicode, 3) } },
  { when: 'from the tool', times: always, reply: { text: 'used it' } },
  { when: 'tool', times: always, reply: { tools: [bash('echo from the tool')] } },
  { when: 'slowly', times: always, reply: { text: ['a ', 'b ', 'c ', 'd '], pace: 150 } },
];

const apis: MessagesApi[] = [];
afterEach(async () => {
  for (const api of apis.splice(0)) await api.close();
});

async function make(path = claudeCli()): Promise<Runner> {
  const api = await startMessagesApi(script);
  apis.push(api);
  const dir = testdir();
  const config = { path, env: {}, profiles: {}, warm: 0, mcp_servers: {} };
  const environment = isolatedEnvironment(join(dir, 'home'), api.url);
  return createClaudeRunner(config, { scratch: join(dir, 'scratch'), environment });
}

runnerContract('real CLI: claude', make, {
  answer: { prompt: 'say hello', contains: 'Hello from the stub' },
  fail: { prompt: 'do what is wrong', contains: 'no such thing' },
  last: { prompt: 'work forever', options: FREE },
  unicode: { prompt: 'unicode', contains: unicode },
  tool: { prompt: 'use a tool', options: FREE },
  say: { prompt: 'answer slowly' },
  broken: () => make('/nowhere/claude'),
});
