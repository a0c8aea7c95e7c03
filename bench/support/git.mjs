/** Repositories for the rows about git: made by plain git, in the environment that the bench gives to everything. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { serveGitOverHttp } from '../../tests/support/remotes/git-http-server.mjs';
import { TcpProxy } from '../../tests/support/remotes/tcp-proxy.mjs';

const PERSON = {
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'Bench',
  GIT_AUTHOR_EMAIL: 'bench@example.org',
  GIT_COMMITTER_NAME: 'Bench',
  GIT_COMMITTER_EMAIL: 'bench@example.org',
};
/** Of every git that this row starts, and that its children start. */
Object.assign(process.env, PERSON);

/**
 * @param {string} dir
 * @param {...string} args
 */
export function git(dir, ...args) {
  return execFileSync('git', args, { cwd: dir, encoding: 'utf8', maxBuffer: 2 ** 28, stdio: 'pipe' }).trim();
}

/**
 * Runs git beside what else the row does.
 * @param {string} dir
 * @param {readonly string[]} args
 * @param {string} [input]
 * @returns {Promise<{ code: number, out: string, ms: number }>} `out`: both of its outputs
 */
export async function runGit(dir, args, input = '') {
  const began = performance.now();
  const child = spawn('git', args, { cwd: dir, stdio: 'pipe' });
  let out = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (out += text));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  return { code, out, ms: performance.now() - began };
}

/**
 * The same for a call that must come right: how long it took, ms.
 * @param {string} dir
 * @param {readonly string[]} args
 */
export async function timeGit(dir, args) {
  const { code, out, ms } = await runGit(dir, args);
  if (code !== 0) throw new Error(`git ${args.join(' ')}: ${out}`);
  return ms;
}

/**
 * A bare repository whose main holds these files, in one commit.
 * @param {string} dir
 * @param {Iterable<readonly [path: string, text: string]>} files
 */
export async function bareWith(dir, files) {
  mkdirSync(dir, { recursive: true });
  git(dir, 'init', '-q', '--bare', '--template=', '-b', 'main');
  git(dir, 'config', 'http.receivepack', 'true');
  git(dir, 'config', 'gc.auto', '0');
  const child = spawn('git', ['fast-import', '--quiet'], { cwd: dir, stdio: ['pipe', 'inherit', 'inherit'] });
  const ended = once(child, 'close');
  let part = 'commit refs/heads/main\ncommitter Bench <bench@example.org> 1790000000 +0000\ndata 5\nbegin\n';
  for (const [path, text] of files) {
    part += `M 100644 inline ${path}\ndata ${Buffer.byteLength(text)}\n${text}\n`;
    if (part.length < 1 << 20) continue;
    if (!child.stdin.write(part)) await once(child.stdin, 'drain');
    part = '';
  }
  child.stdin.end(`${part}\n`);
  await ended;
  return dir;
}

/** `count` waiting tasks of one mailbox, each with an id, as paths and texts. @param {number} count */
export function waitingTasks(count, mailbox = 'server') {
  return Array.from({ length: count }, (_, n) => /** @type {const} */ ([pathOf(n, mailbox), taskText(n)]));
}

export const nameOf = (/** @type {number} */ n) => `2026-11-20-task-${String(n).padStart(6, '0')}.md`;
const pathOf = (/** @type {number} */ n, /** @type {string} */ mailbox) => `mailboxes/${mailbox}/inbox/${nameOf(n)}`;

/** @param {number} n */
export function idOf(n) {
  return `0199f3c2-7d1e-7a44-9c1b-${n.toString(16).padStart(12, '0')}`;
}

/** @param {number} n */
export function taskText(n) {
  const head = `id: "${idOf(n)}"\ntype: task\nfrom: laptop\nto: server\nsubject: Number ${n}`;
  return `---\n${head}\n---\nScrape the latest RSS feeds and summarise what moved the market (${n}).\n`;
}

/** What a person's clone is to plain git: a repository that has fetched the remote's main. */
export function cloneOf(/** @type {string} */ remote, /** @type {string} */ dir) {
  mkdirSync(dir, { recursive: true });
  git(dir, 'clone', '-q', '--no-local', remote, '.');
  return dir;
}

/** A commit that no push has sent yet, each one another, as a claim is: without parents, on the empty tree. */
export function newObject(/** @type {string} */ dir, /** @type {string | number} */ what) {
  const tree = execFileSync('git', ['mktree'], { cwd: dir, input: '', encoding: 'utf8' }).trim();
  return git(dir, 'commit-tree', tree, '-m', `claim ${what} ${process.pid} ${Math.random()}`);
}

/** The remote behind HTTP; with `delay` behind a line on which each byte takes so many ms one way. */
export async function overHttp(/** @type {string} */ dir, delay = 0) {
  const server = await serveGitOverHttp({ dir, env: process.env });
  const proxy = delay > 0 ? await new TcpProxy({ port: server.port, host: '127.0.0.1' }).listen() : undefined;
  proxy?.delay(delay);
  return {
    url: proxy ? proxy.url(server.url) : server.url,
    async close() {
      await proxy?.close();
      await server.close();
    },
  };
}

/** A root's folder with a repository and its mailboxes, without any file yet. */
export function emptyRoot(/** @type {string} */ dir, mailboxes = ['server']) {
  for (const mailbox of mailboxes) {
    for (const state of ['inbox', 'in_progress', 'complete', 'failed']) {
      mkdirSync(join(dir, 'mailboxes', mailbox, state), { recursive: true });
    }
  }
  mkdirSync(join(dir, '.mailboxd'), { recursive: true });
  git(dir, 'init', '-q', '-b', 'main');
  return dir;
}
