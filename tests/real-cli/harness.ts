/** A root whose daemon runs the real CLI against the scripted API, with a home and a working directory of its own. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type FrontMatter, STATES } from '../../src/core/message.js';
import { parseMessage } from '../../src/format/message.js';
import { findTagged } from '../../src/runners/process/index.js';
import { claudeCli, isolatedEnvironment } from '../support/claude-cli.js';
import { arrived, drop, pathOf, runDaemon, type TestDaemon } from '../support/daemon.js';
import { type ApiRequest, type MessagesApi, type Reply, startMessagesApi } from '../support/messages-api/server.mjs';
import { testdir } from '../support/testdir.js';
import { waitUntil } from '../support/wait-until.js';

const KEY = 'a-key-of-the-tests-0123456789abcdef0123456789';
/** How long the CLI may take for a step on a busy machine, ms. */
export const PATIENCE = 20_000;

type Step = Reply | ((request: ApiRequest) => Reply);

export interface Scene {
  root: string;
  /** The directory that `allow.dirs` lists. */
  work: string;
  home: string;
  /** What the daemon's programs may get; a change holds from the next start on. */
  environment: Record<string, string>;
  api: MessagesApi;
  /** Answers the tasks whose prompt holds `tag`: these replies in turn, the last one again and again. */
  script(tag: string, ...replies: Step[]): void;
  requestsOf(tag: string): ApiRequest[];
  startDaemon(): Promise<TestDaemon>;
}

/** A host on which Bash may be asked for, in `work`. `claude` and `yaml` are added to its configuration. */
export async function makeScene({ claude = '', yaml = '' } = {}): Promise<Scene> {
  const work = testdir();
  const home = testdir();
  const files: Record<string, string> = {
    '.mailboxd/config.yaml': [
      ...['host: test-host', `key: ${KEY}`, 'as: laptop', 'serve: [laptop, server]', 'runner: claude'],
      `runners: { claude: { path: ${JSON.stringify(claudeCli())}, ${claude} } }`,
      `allow: { tools: [Bash], dirs: [${JSON.stringify(work)}] }`,
      yaml,
    ].join('\n'),
  };
  for (const mailbox of ['laptop', 'server']) for (const state of STATES) files[`mailboxes/${mailbox}/${state}/`] = '';
  const root = testdir(files);
  const scripts = new Map<string, { replies: Step[]; requests: ApiRequest[] }>();
  const reply = (request: ApiRequest): Reply => {
    const said = JSON.stringify(request.body.messages);
    const tags = [...scripts.keys()].filter((tag) => said.includes(tag));
    // A conversation that goes on holds its own tag first.
    const script = scripts.get(tags.toSorted((a, b) => said.indexOf(a) - said.indexOf(b))[0] ?? '');
    script?.requests.push(request);
    const step = script?.replies[Math.min(script.requests.length, script.replies.length) - 1] ?? { text: 'ok' };
    return typeof step === 'function' ? step(request) : step;
  };
  const api = await startMessagesApi([{ times: Infinity, reply }]);
  const environment = isolatedEnvironment(home, api.url);
  return {
    root,
    work,
    home,
    environment,
    api,
    script: (tag, ...replies) => void scripts.set(tag, { replies, requests: [] }),
    requestsOf: (tag) => scripts.get(tag)?.requests ?? [],
    startDaemon: () => runDaemon(root, { environment }),
  };
}

export const bash = (command: string) => ({ name: 'Bash', input: { command, description: 'for a test' } });

/** A task of laptop's for server. `fields` is YAML. */
export function dropTask(scene: Scene, name: string, prompt: string, fields = ''): string {
  const text = fields === '' ? prompt : `---\nfrom: laptop\n${fields.trim()}\n---\n${prompt}`;
  drop(scene.root, 'server', name, text);
  return text;
}

/** The text of a file in a folder of server's, once it is there. */
export function ended(scene: Scene, state: 'complete' | 'failed' | 'inbox', name: string): Promise<string> {
  return arrived(scene.root, 'server', state, name, PATIENCE);
}

/** What the file in `in_progress/` says now; empty when it is not there. */
export function running(scene: Scene, name: string): string {
  try {
    return readFileSync(pathOf(scene.root, 'server', 'in_progress', name), 'utf8');
  } catch {
    return '';
  }
}

export function untilRunning(scene: Scene, name: string, says: string): Promise<string> {
  return waitUntil(() => running(scene, name).includes(says) && running(scene, name), {
    timeout: PATIENCE,
    what: `${JSON.stringify(says)} in ${name}, which says ${JSON.stringify(running(scene, name).slice(-500))}`,
  });
}

export function frontOf(text: string): FrontMatter {
  return parseMessage(Buffer.from(text), KEY).front;
}

export function sessionOf(text: string): string {
  const { claim, result } = frontOf(text);
  const session = claim?.session ?? result?.session ?? '';
  expect(session).toMatch(/^[0-9a-f-]{36}$/);
  return session;
}

/** No process of the session is left. */
export function expectGone(session: string): void {
  expect(findTagged(session)).toEqual([]);
}

/** What the API was told, as one text. */
export function said(request: ApiRequest | undefined): string {
  return JSON.stringify(request?.body.messages);
}

/** The files in which the CLI keeps a session. */
export function cliTranscripts(scene: Scene, session: string): string[] {
  const projects = join(scene.home, '.claude', 'projects');
  if (!existsSync(projects)) return [];
  return readdirSync(projects)
    .map((project) => join(projects, project, `${session}.jsonl`))
    .filter((file) => existsSync(file));
}

/** What the CLI has written down of a session so far. */
export function cliTranscript(scene: Scene, session: string): string {
  return cliTranscripts(scene, session)
    .map((file) => readFileSync(file, 'utf8'))
    .join('');
}
