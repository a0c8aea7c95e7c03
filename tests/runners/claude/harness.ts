/** The claude runner with the real CLI, a scripted API and a home of its own. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect } from 'vitest';
import type { ClaudeConfig } from '../../../src/core/config.js';
import { type ClaudeContext, createClaudeRunner } from '../../../src/runners/claude/index.js';
import type { RunEvent, Runner, RunRequest } from '../../../src/runners/port.js';
import { findTagged } from '../../../src/runners/process/index.js';
import { claudeCli, isolatedEnvironment } from '../../support/claude-cli.js';
import { type MessagesApi, type Rule, startMessagesApi } from '../../support/messages-api/server.mjs';
import { testdir } from '../../support/testdir.js';
import { makeRequest, type Recorded, startRecorded } from '../contract.js';

export interface Setting {
  api: MessagesApi;
  runner: Runner;
  environment: Record<string, string>;
  config: ClaudeConfig;
  /** The working directory of runs that name none. */
  cwd: string;
  dir: string;
  start(prompt: string, fields?: Partial<RunRequest>): Recorded;
}

export interface SettingOptions {
  script?: Rule[];
  config?: Partial<ClaudeConfig>;
  /** Over the isolated environment; undefined takes a variable away. */
  environment?: Record<string, string | undefined>;
  context?: Partial<ClaudeContext>;
}

const open: { api: MessagesApi; runner: Runner; sessions: string[] }[] = [];

export async function makeSetting(options: SettingOptions = {}): Promise<Setting> {
  const dir = testdir();
  const cwd = join(dir, 'work');
  mkdirSync(cwd);
  const api = await startMessagesApi(options.script ?? []);
  const given = { ...isolatedEnvironment(join(dir, 'home'), api.url), ...options.environment };
  const environment = Object.fromEntries(
    Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const base: ClaudeConfig = { path: claudeCli(), env: {}, profiles: {}, warm: 0, mcp_servers: {} };
  const config = { ...base, ...options.config };
  const runner = createClaudeRunner(config, { scratch: join(dir, 'scratch'), environment, ...options.context });
  const sessions: string[] = [];
  open.push({ api, runner, sessions });
  const start = (prompt: string, fields: Partial<RunRequest> = {}): Recorded => {
    const request = makeRequest(fields.cwd ?? cwd, { ...fields, prompt });
    sessions.push(request.session);
    return startRecorded(runner, request);
  };
  return { api, runner, environment, config, cwd, dir, start };
}

/** Every run of every test must leave nothing behind. */
afterEach(async () => {
  for (const { api, runner, sessions } of open.splice(0)) {
    await runner.close();
    await api.close();
    expect(sessions.flatMap(findTagged), 'processes left').toEqual([]);
  }
});

export const bash = (command: string, id?: string) => ({
  name: 'Bash',
  input: { command, description: 'for a test' },
  ...(id === undefined ? {} : { id }),
});

export const ofType = <T extends RunEvent['type']>(events: RunEvent[], type: T): Extract<RunEvent, { type: T }>[] =>
  events.filter((event): event is Extract<RunEvent, { type: T }> => event.type === type);

export const receipts = (events: RunEvent[]): (string | undefined)[] =>
  ofType(events, 'Progress')
    .filter(({ kind }) => kind === 'receipt')
    .map(({ uuid }) => uuid);

/** May do anything: the tests' tools write into scratch directories only. */
export const FREE = { permission_mode: 'bypassPermissions' } as const;
