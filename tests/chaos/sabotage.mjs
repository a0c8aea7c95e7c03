/**
 * Breaks a rule on purpose, to show that the judge sees it: `npm run chaos -- --break RULE`, and checker.test.ts.
 * `claims` takes claims off the remote while tasks run, which is what the protocol prevents; the others change what is
 * there before it is judged.
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { git, GIT_ENV, readBlobs } from './git.mjs';
import { LEASE } from './host.mjs';
import { readClaimRefs, readMain } from './picture.mjs';

export const RULES = [
  'claims',
  'duplicate',
  'lose an edit',
  'lose a message',
  'conflict markers',
  'diverge',
  'overlap',
];

/**
 * @param {string} rule one of RULES
 * @param {{ remote: string, hosts: { name: string, root: string, effects: string }[] }} world all quiet, daemons ended
 * @param {{ written: Map<string, any> }} people
 */
export function sabotageWorld(rule, { remote, hosts }, people) {
  const main = readMain(remote);
  const finished = [...main.keys()].filter((path) => /^mailboxes\/(work|more)\/(complete|failed)\/.*\.md$/.test(path));
  const [path = ''] = finished;
  const bytes = readBlobs(remote, [main.get(path) ?? '']).get(main.get(path) ?? '') ?? Buffer.alloc(0);
  const [host] = hosts;
  if (rule === 'duplicate') change(remote, new Map([[path.replace('.md', '-again.md'), bytes]]));
  if (rule === 'lose a message') change(remote, new Map([[path, undefined]]));
  if (rule === 'lose an edit') {
    const edits = [...people.written.values()].filter(
      ({ token, gone }) => token.startsWith('edit') && gone === undefined,
    );
    const blobs = readBlobs(remote, [...new Set(main.values())]);
    for (const { token } of edits) {
      const holders = [...main].filter(([, oid]) => blobs.get(oid)?.includes(`${token}`));
      const without = (oid) => Buffer.from(String(blobs.get(oid)).replaceAll(token, 'nothing'));
      if (holders.length > 0) return change(remote, new Map(holders.map(([at, oid]) => [at, without(oid)])));
    }
  }
  if (host === undefined) return undefined;
  if (rule === 'diverge') rmSync(join(host.root, path));
  if (rule === 'conflict markers')
    writeFileSync(join(host.root, path), `<<<<<<< ours\n${bytes.toString()}\n=======\nother\n>>>>>>> theirs\n`);
  if (rule === 'overlap') {
    const line = (what, at, name) => `${what} c-overlap 1 ${name} ${at} 1\n`;
    const now = Date.now() + 100 * LEASE;
    appendFileSync(host.effects, line('start', now, host.name) + line('end', now + 900, host.name));
    appendFileSync(hosts[1]?.effects ?? '', line('start', now + 300, 'another'));
  }
  return undefined;
}

/** One commit onto main. @param {string} remote @param {Map<string, Buffer | undefined>} files */
function change(remote, files) {
  const env = { ...GIT_ENV, HOME: remote, GIT_INDEX_FILE: join(remote, 'sabotage-index') };
  const run = (/** @type {string[]} */ args, /** @type {any} */ input) =>
    execFileSync('git', args, { cwd: remote, env, input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] }).trim();
  run(['read-tree', 'main'], '');
  for (const [path, bytes] of files) {
    if (bytes === undefined) run(['update-index', '--index-info'], `0 ${'0'.repeat(40)}\t${path}\n`);
    else
      run(
        ['update-index', '--add', '--cacheinfo', `100644,${run(['hash-object', '-w', '--stdin'], bytes)},${path}`],
        '',
      );
  }
  const commit = git(remote, 'commit-tree', run(['write-tree'], ''), '-p', 'main', '-m', 'Sabotage').trim();
  git(remote, 'update-ref', 'refs/heads/main', commit);
}

/** Takes every claim off the remote, now and again, until `signal`. @param {string} remote @param {AbortSignal} signal */
export async function dropClaims(remote, signal) {
  while (!signal.aborted) {
    try {
      for (const ref of readClaimRefs(remote)) git(remote, 'update-ref', '-d', ref);
    } catch {
      // the remote is away, or the claim was let go
    }
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
}
