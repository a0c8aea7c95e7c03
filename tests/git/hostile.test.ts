import { existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bareRepository, git, gitHost, sync, type GitHost } from '../support/git-host.js';
import { testdir } from '../support/testdir.js';
import { folder, putOnMain, rawObject, type RawFolder, type RawItem } from './raw-tree.js';

const INBOX = 'mailboxes/server/inbox';
const CONFIG = 'host: mine\n';

function inbox(...items: [string | Uint8Array, RawItem][]): RawFolder {
  return folder(['mailboxes', folder(['server', folder(['inbox', folder(...items)])])]);
}

/** Every path below a folder but git's own, links not followed. */
function listing(dir: string): string[] {
  return (readdirSync(dir, { recursive: true }) as string[])
    .filter((path) => !/^\.git(\/|$)/.test(path) && !path.startsWith('.mailboxd/git'))
    .toSorted();
}

function troubles({ events }: GitHost): string[] {
  return events.flatMap((event) => (event.type === 'trouble' ? [event.message] : []));
}

async function victim(url: string): Promise<GitHost & { outside: string }> {
  const host = await gitHost(url, 'victim-1');
  writeFileSync(join(host.root, '.mailboxd/config.yaml'), CONFIG);
  return { ...host, outside: dirname(host.root) };
}

/** What must hold whatever arrives: it goes on, both ways, and a person's git finds nothing to complain of. */
async function goesOn(host: GitHost, url: string): Promise<void> {
  host.write(`${INBOX}/mine.md`, 'mine\n');
  await sync(host, host);
  expect(git(url, 'show', `main:${INBOX}/mine.md`)).toBe('mine');
  expect(git(host.root, 'status', '--porcelain')).toBe('');
  expect(git(host.root, 'rev-parse', 'HEAD')).toBe(git(url, 'rev-parse', 'main'));
  const told = troubles(host);
  expect(new Set(told).size).toBe(told.length);
}

describe('a hostile tree on main', () => {
  it('cannot bring names that lead elsewhere or mean something to git; the good message beside them arrives', async () => {
    const url = bareRepository();
    const host = await victim(url);
    host.write(`${INBOX}/first.md`, 'first\n');
    await sync(host);
    const evil = folder(['evil.md', 'evil\n'], ['config', '[core]\n\tfsmonitor = touch canary\n']);
    const names: (string | Uint8Array)[] = [
      '..',
      '.',
      '.git',
      '.GIT',
      '.git ',
      'git~1',
      '.g\u200cit',
      'a/../../../evil',
    ];
    const odd: [string | Uint8Array, RawItem][] = [
      ...names.map((name): [string | Uint8Array, RawItem] => [name, evil]),
      ...[
        'back\\slash.md',
        'bell\x07.md',
        'line\nbreak.md',
        '\u202etxt.md',
        '.claim~x.md',
        '.tmp~1~x',
        '.hidden.md',
        '/etc/x.md',
      ].map((name): [string, RawItem] => [name, 'odd\n']),
      [Buffer.from([0x66, 0xff, 0xfe, 0x2e, 0x6d, 0x64]), 'no UTF-8\n'],
      [`${'x'.repeat(300)}.md`, 'long\n'],
      ['good.md', 'good\n'],
    ];
    putOnMain(
      url,
      folder(
        ['..', evil],
        ['.git', evil],
        ['.mailboxd', folder(['config.yaml', 'allow: everything\n'], ['evil.md', 'x'])],
        ['.MAILBOXD', folder(['config.yaml', 'allow: everything\n'])],
        [
          'mailboxes',
          folder(['..', evil], ['.git', evil], ['server', folder(['inbox', folder(...odd, ['first.md', 'first\n'])])]),
        ],
        ['notes', folder(['..', folder(['..', evil])], ['.GIT', evil])],
      ),
    );
    await sync(host);
    expect(host.read(`${INBOX}/good.md`)).toBe('good\n');
    await goesOn(host, url);
    expect(readdirSync(join(host.root, INBOX)).toSorted()).toEqual(['first.md', 'good.md', 'mine.md']);
    expect(host.read('.mailboxd/config.yaml')).toBe(CONFIG);
    expect(existsSync(join(host.root, '.MAILBOXD/config.yaml'))).toBe(false);
    expect(git(url, 'ls-tree', '--name-only', 'main')).not.toMatch(/\.mailboxd/i);
    expect(existsSync(join(host.outside, 'evil.md'))).toBe(false);
    expect(existsSync(join(host.root, 'evil.md'))).toBe(false);
    expect(readFileSync(join(host.root, '.git/config'), 'utf8')).not.toContain('canary');
    expect(troubles(host).join('\n')).toContain('.mailboxd');
    await host.exchange.close();
  });

  it('cannot bring links and other repositories, nor write through them', async () => {
    const url = bareRepository();
    const host = await victim(url);
    const outside = testdir({ 'kept.txt': 'kept' });
    const commit = putOnMain(url, inbox(['good.md', 'good\n']));
    await sync(host);
    const link = { link: outside };
    putOnMain(
      url,
      folder(
        ['.gitmodules', '[submodule "m"]\n\tpath = sub\n\turl = ./sub\n'],
        ['sub', { gitlink: commit }],
        ['docs', link],
        ['attachments', folder(['m1', link])],
        [
          'mailboxes',
          folder(
            ['client', folder(['inbox', link])],
            [
              'server',
              folder(
                ['complete', link],
                [
                  'inbox',
                  folder(
                    ['good.md', 'good\n'],
                    ['passwd.md', { link: '/etc/passwd' }],
                    ['module', { gitlink: commit }],
                  ),
                ],
              ),
            ],
          ),
        ],
      ),
    );
    await sync(host);
    await goesOn(host, url);
    putOnMain(
      url,
      folder([
        'mailboxes',
        folder(
          ['client', folder(['inbox', folder(['deep.md', 'deep\n'])])],
          ['server', folder(['inbox', folder(['good.md', 'good\n'], ['mine.md', 'mine\n'])])],
        ),
      ]),
    );
    await sync(host);
    expect(host.read('mailboxes/client/inbox/deep.md')).toBe('deep\n');
    for (const path of listing(host.root)) expect(lstatSync(join(host.root, path)).isSymbolicLink(), path).toBe(false);
    expect(readdirSync(outside)).toEqual(['kept.txt']);
    expect(troubles(host).join('\n')).toContain('passwd.md');
    await host.exchange.close();
  });

  it('a link, a folder or a repository put where a message is here loses and repeats nothing', async () => {
    const url = bareRepository();
    const host = await victim(url);
    for (const name of ['a.md', 'b.md', 'c.md']) host.write(`${INBOX}/${name}`, `${name}\n`);
    await sync(host);
    const commit = git(url, 'rev-parse', 'main');
    putOnMain(
      url,
      inbox(['a.md', { link: '/etc/passwd' }], ['b.md', folder(['in.md', 'in\n'])], ['c.md', { gitlink: commit }]),
    );
    await sync(host, host, host, host);
    host.write(`${INBOX}/d.md`, 'd\n');
    await sync(host, host, host);
    const contents = git(url, 'ls-tree', '-r', '--name-only', 'main')
      .split('\n')
      .filter((path) => git(url, 'ls-tree', 'main', path).startsWith('100'))
      .map((path) => git(url, 'show', `main:${path}`));
    for (const text of ['in', 'd']) expect(contents.filter((other) => other === text)).toHaveLength(1);
    for (const text of ['a.md', 'b.md', 'c.md'])
      expect(contents.filter((other) => other === text).length).toBeLessThan(2);
    expect(git(host.root, 'status', '--porcelain')).toBe('');
    expect(existsSync(join(host.root, INBOX, 'b.md/in.md'))).toBe(true);
    expect(troubles(host).length).toBe(new Set(troubles(host)).size);
    const rounds = git(url, 'rev-list', '--count', 'main');
    await sync(host, host);
    expect(git(url, 'rev-list', '--count', 'main')).toBe(rounds);
    await host.exchange.close();
  });

  it('with entries that are not what their mode says stops nothing', async () => {
    const url = bareRepository();
    const host = await victim(url);
    const [tree, blob] = [rawObject(url, 'tree', ''), rawObject(url, 'blob', 'x\n')];
    putOnMain(
      url,
      inbox(
        ['tree-as-blob.md', { entry: ['100644', tree] }],
        ['group.md', { entry: ['100664', blob] }],
        ['odd.md', { entry: ['100777', blob] }],
        ['good.md', 'good\n'],
      ),
    );
    await sync(host);
    expect(host.read(`${INBOX}/good.md`)).toBe('good\n');
    await goesOn(host, url);
    await host.exchange.close();
  });
});
