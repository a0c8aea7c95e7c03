/**
 * A remote that is no longer what it was, when all is quiet: every host must say so, touch nothing, keep what people
 * write meanwhile, and go on once the old history is pushed back from a host.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { git, GIT_ENV, tryGit } from './git.mjs';
import { differences, readRoot } from './picture.mjs';

/** How long a host may take to notice, ms. */
const NOTICE = 30_000;

/** @type {Record<string, (world: any) => Promise<string[]>>} */
export const endings = {
  'a remote that was rewritten': (world) =>
    changed(world, ({ remote }) => {
      const tree = git(remote, 'rev-parse', 'main~1^{tree}').trim();
      const other = git(remote, 'commit-tree', tree, '-m', 'Another history').trim();
      git(remote, 'update-ref', 'refs/heads/main', other);
    }),
  'a remote that was put back': (world) =>
    changed(world, ({ remote }) => {
      const count = Number(git(remote, 'rev-list', '--count', '--first-parent', 'main'));
      git(remote, 'update-ref', 'refs/heads/main', `main~${Math.min(3, count - 1)}`);
    }),
  'a remote that was emptied': (world) => changed(world, ({ remote }) => replaceWith(remote, () => undefined)),
  'a remote that was replaced': (world) =>
    changed(world, ({ remote, hosts }) =>
      replaceWith(remote, () => {
        const dir = join(hosts[0].home, 'stranger');
        mkdirSync(join(dir, 'templates'), { recursive: true });
        git(dir, 'init', '-q', '-b', 'main');
        writeFileSync(join(dir, 'templates/strange.md'), '# Strange\n');
        git(dir, 'add', '-A');
        git(dir, 'commit', '-q', '-m', 'Somebody else’s');
        git(dir, 'push', '-q', remote, 'main:main');
      }),
    ),
};

/** @param {string} remote @param {() => void} fill */
function replaceWith(remote, fill) {
  const old = `${remote}.old`;
  renameSync(remote, old);
  mkdirSync(remote);
  git(remote, 'init', '-q', '--bare', '-b', 'main');
  cpSync(join(old, 'config'), join(remote, 'config'));
  fill();
  rmSync(old, { recursive: true });
}

/** @param {any} world @param {(world: any) => void} change */
async function changed(world, change) {
  const { remote, hosts, people, rest } = world;
  const violations = [];
  const good = git(remote, 'rev-parse', 'main').trim();
  const before = hosts.map(({ root }) => readRoot(root));
  const local = hosts.map(({ root }) => git(root, 'rev-parse', 'HEAD').trim());
  change(world);
  const sender = hosts.at(-1);
  people.drop(sender);
  const until = performance.now() + NOTICE;
  const silent = () => hosts.filter((host) => !/gone|rewritten/.test(host.status()?.problem?.message ?? ''));
  while (silent().length > 0 && performance.now() < until) await sleep(200);
  for (const host of silent())
    violations.push(`a changed remote: ${host.name} says ${JSON.stringify(host.status()?.problem ?? null)}`);
  await sleep(1_000);
  for (const [n, { name, root }] of hosts.entries()) {
    const dropped = [...people.written.keys()].at(-1);
    const differing = differences(before[n] ?? new Map(), readRoot(root)).filter(
      (path) => !path.includes(dropped ?? ''),
    );
    if (differing.length > 0) violations.push(`a changed remote: ${name} touched ${differing.slice(0, 4).join(', ')}`);
    if (git(root, 'rev-parse', 'HEAD').trim() !== local[n]) violations.push(`a changed remote: ${name} moved its HEAD`);
  }
  // A shallow clone cannot give to an empty repository what it does not have.
  const whole = hosts.find(({ isShallow }) => !isShallow);
  const { ok, text } = await tryGit(whole.root, ['push', '-q', '--force', remote, `${good}:refs/heads/main`]);
  if (!ok) violations.push(`a changed remote: the old history cannot be pushed back: ${text.slice(0, 300)}`);
  people.note('the old history is back');
  // Each has been waiting longer and longer; a person does not wait for that.
  for (const { program, root, home } of hosts) {
    const env = { ...GIT_ENV, HOME: home };
    execFileSync(process.execPath, [program, 'notify', '--root', root], { cwd: root, env, stdio: 'pipe' });
  }
  const busy = await rest();
  if (busy !== undefined) violations.push(`not quiet after the remote was put right: ${busy}`);
  return violations;
}
