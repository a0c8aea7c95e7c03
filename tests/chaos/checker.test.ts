/** The judge of `npm run chaos` sees what it is there to see: each rule is broken by hand in a small world of its own. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../src/format/message.js';
import { testdir } from '../support/testdir.js';
import { git } from './git.mjs';
import { judge } from './judge.mjs';
import { sabotageWorld } from './sabotage.mjs';

interface Host {
  name: string;
  root: string;
  effects: string;
}

interface World {
  remote: string;
  hosts: Host[];
  people: {
    written: Map<string, { token: string; message: string; by: string; what: string }>;
    again: Map<string, number>;
  };
}

const DONE = `---
id: "c-1"
epoch: 1
runs:
  - { n: 1, epoch: 1, token: "1-a", worker: "work@one", runner: "command", started: "2026-11-20T10:00:00Z", outcome: "complete" }
---
# Task msg-1-end
Also: edit-2-end
`;

/** One finished message with one edit, on main and in two roots. */
function makeWorld(): World {
  const dir = testdir();
  const remote = join(dir, 'remote.git');
  mkdirSync(remote);
  git(remote, 'init', '-q', '--bare', '-b', 'main');
  const hosts = ['one', 'two'].map((name) => ({ name, root: join(dir, name), effects: join(dir, `${name}.log`) }));
  for (const [n, { root }] of hosts.entries()) {
    git(dir, 'clone', '-q', remote, root);
    git(root, 'symbolic-ref', 'HEAD', 'refs/heads/main');
    if (n > 0) git(root, 'pull', '-q', remote, 'main');
    else {
      const path = join(root, 'mailboxes/work/complete/task.md');
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, DONE);
      git(root, 'add', '-A');
      git(root, 'commit', '-q', '-m', 'A task');
      git(root, 'push', '-q', remote, 'main');
    }
  }
  const entry = (token: string) => [token, { token, message: 'msg-1-end', by: 'one', what: 'dropped' }] as const;
  const written = new Map([entry('msg-1-end'), entry('edit-2-end')]);
  return { remote, hosts, people: { written, again: new Map() } };
}

function violationsOf(world: World): string[] {
  const parse = (bytes: Buffer) => parseMessage(bytes, '', { trustFields: true });
  return judge({ ...world, times: [], parse }).violations;
}

describe('the judge of chaos', () => {
  it('finds nothing where nothing is wrong', () => {
    expect(violationsOf(makeWorld())).toEqual([]);
  });

  const cases: [string, RegExp][] = [
    ['duplicate', /^one id twice: c-1/],
    ['lose an edit', /^lost: edit-2-end/],
    ['lose a message', /^lost: msg-1-end/],
    ['conflict markers', /^untidy: one: conflict markers/],
    ['diverge', /^not converged: one/],
    ['overlap', /^ran twice at once: c-overlap on one/],
  ];
  for (const [rule, expected] of cases) {
    it(`sees the broken rule: ${rule}`, () => {
      const world = makeWorld();
      sabotageWorld(rule, world, world.people);
      expect(violationsOf(world)).toContainEqual(expect.stringMatching(expected));
    });
  }

  it('sees a message that two workers finished, an open rebase, a detached head and a claim that is left', () => {
    const world = makeWorld();
    const [one, two] = world.hosts.map(({ root }) => root) as [string, string];
    const again = DONE.replace('1-a', '1-b').replace('work@one', 'work@two');
    writeFileSync(join(one, 'mailboxes/work/complete/task.md'), again);
    git(one, 'commit', '-q', '-a', '-m', 'Finished again');
    git(one, 'push', '-q', world.remote, 'main', 'HEAD:refs/mailboxd/claims/c-1');
    git(two, 'pull', '-q', world.remote, 'main');
    git(two, 'checkout', '-q', '--detach');
    mkdirSync(join(one, '.git/rebase-merge'));
    const found = violationsOf(world).join('\n');
    expect(found).toMatch(/^finished 2 times: msg-1-end by work@/m);
    expect(found).toMatch(/^untidy: one: \.git\/rebase-merge is there$/m);
    expect(found).toMatch(/^untidy: two: HEAD is [0-9a-f]{40}$/m);
    expect(found).toMatch(/^claim left: refs\/mailboxd\/claims\/c-1$/m);
  });
});
