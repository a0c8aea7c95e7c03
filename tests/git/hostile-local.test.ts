import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { bareRepository, git, gitHost, openHost, sync, type GitHost } from '../support/git-host.js';
import { testdir } from '../support/testdir.js';
import { folder, putOnMain } from './raw-tree.js';

const INBOX = 'mailboxes/server/inbox';

function troubles({ events }: GitHost): string[] {
  return events.flatMap((event) => (event.type === 'trouble' ? [event.message] : []));
}

afterEach(() => void vi.unstubAllEnvs());

describe('odd things in the working folders', () => {
  it('do not travel and stop nothing; each is told once', async () => {
    const url = bareRepository();
    const host = await gitHost(url, 'a-1');
    host.write(`${INBOX}/good.md`, 'good\n');
    const inbox = join(host.root, INBOX);
    const outside = testdir({ 'secret.md': 'secret\n' });
    symlinkSync(join(outside, 'secret.md'), join(inbox, 'link.md'));
    symlinkSync(outside, join(host.root, 'attachments'));
    mkdirSync(join(host.root, 'mailboxes/client'), { recursive: true });
    symlinkSync(outside, join(host.root, 'mailboxes/client/inbox'));
    execFileSync('mkfifo', [join(inbox, 'fifo.md')]);
    mkdirSync(join(inbox, 'folder.md'));
    mkdirSync(join(inbox, 'nested'));
    git(join(inbox, 'nested'), 'init', '-q');
    writeFileSync(join(inbox, 'nested/beside.md'), 'beside\n');
    writeFileSync(join(inbox, 'back\\slash.md'), 'odd\n');
    for (const name of ['.claim~good.md', '.tmp~1~x', '.hidden.md']) writeFileSync(join(inbox, name), 'x');
    writeFileSync(join(host.root, 'mailboxes/.gitattributes'), '* text eol=crlf working-tree-encoding=UTF-16\n');
    await sync(host, host);
    const there = git(url, 'ls-tree', '-r', '--name-only', 'main').split('\n');
    expect(there).toContain(`${INBOX}/good.md`);
    expect(there.filter((path) => /link|fifo|secret|slash|claim|tmp|hidden|\.git/.test(path))).toEqual([]);
    const told = troubles(host);
    for (const name of ['link.md', 'attachments', 'client/inbox', 'fifo.md', 'slash'])
      expect(told.filter((text) => text.includes(name)).length, name).toBe(1);
    await host.exchange.close();
  });

  it('a .gitignore, attributes and odd settings hide and change nothing, on either side', async () => {
    const url = bareRepository();
    putOnMain(
      url,
      folder(
        ['.gitignore', 'mailboxes/\n*.md\n'],
        ['.gitattributes', '* text eol=crlf filter=evil ident working-tree-encoding=UTF-16\n*.md text\n'],
        ['mailboxes', folder(['.gitattributes', '*.md text ident filter=evil\n'], ['.gitignore', '*\n'])],
      ),
    );
    const [a, b] = [await gitHost(url, 'a-1'), await gitHost(url, 'b-1')];
    await sync(a, b);
    const text = 'one\r\ntwo\n$Id$\n';
    a.write(`${INBOX}/bytes.md`, text);
    await sync(a, b);
    expect(b.read(`${INBOX}/bytes.md`)).toBe(text);
    for (const { root } of [a, b]) expect(git(root, 'status', '--porcelain')).toBe('');
    b.write(`${INBOX}/bytes.md`, `${text}three\r\n`);
    await sync(b, a);
    expect(a.read(`${INBOX}/bytes.md`)).toBe(`${text}three\r\n`);
    for (const { root, exchange } of [a, b]) {
      expect(git(root, 'status', '--porcelain')).toBe('');
      await exchange.close();
    }
  });

  it('what a configuration would run is not run, and what it would change is not changed', async () => {
    const top = testdir({ 'canary/': '', 'hooks/': '', 'elsewhere/': '' });
    const write = (name: string): string => `touch ${join(top, 'canary', name)}`;
    const hooks = ['pre-commit', 'pre-push', 'post-commit', 'post-checkout', 'post-index-change', 'post-merge'];
    for (const hook of [...hooks, 'reference-transaction', 'pre-auto-gc', 'prepare-commit-msg', 'commit-msg']) {
      writeFileSync(join(top, 'hooks', hook), `#!/bin/sh\n${write(hook)}\n`);
      chmodSync(join(top, 'hooks', hook), 0o755);
    }
    const settings = [
      ...[
        ['core.hooksPath', join(top, 'hooks')],
        ['core.fsmonitor', write('fsmonitor')],
        ['core.autocrlf', 'true'],
      ],
      ...[
        ['core.eol', 'crlf'],
        ['core.safecrlf', 'true'],
        ['core.attributesFile', join(top, 'attributes')],
      ],
      ...[
        ['commit.gpgSign', 'true'],
        ['tag.gpgSign', 'true'],
        ['push.gpgSign', 'true'],
        ['gpg.program', join(top, 'gpg')],
      ],
      ...[
        ['filter.evil.clean', write('clean')],
        ['filter.evil.smudge', write('smudge')],
        ['filter.evil.required', 'true'],
      ],
      ...[
        ['diff.external', write('diff')],
        ['diff.evil.textconv', write('textconv')],
        ['core.pager', write('pager')],
      ],
      ...[
        ['merge.evil.driver', write('merge')],
        ['core.editor', write('editor')],
        ['gc.auto', '1'],
        ['gc.autoDetach', 'false'],
      ],
      ...[
        ['push.default', 'nothing'],
        ['push.followTags', 'true'],
        ['push.pushOption', 'x'],
        ['fetch.prune', 'false'],
      ],
      ...[
        ['log.showSignature', 'true'],
        ['color.ui', 'always'],
        ['color.push', 'always'],
        ['core.quotePath', 'true'],
      ],
      ...[
        ['push.negotiate', 'true'],
        ['fetch.all', 'true'],
        ['submodule.recurse', 'true'],
        ['status.short', 'true'],
      ],
      ...[
        ['core.untrackedCache', 'true'],
        ['core.logAllRefUpdates', 'always'],
        ['core.alternateRefsCommand', write('refs')],
      ],
      ...[
        ['fetch.pruneTags', 'true'],
        ['transfer.advertiseSID', 'true'],
        ['i18n.logOutputEncoding', 'UTF-16'],
      ],
    ];
    writeFileSync(join(top, 'gpg'), `#!/bin/sh\n${write('gpg')}\nexit 1\n`, { mode: 0o755 });
    writeFileSync(join(top, 'attributes'), '* text filter=evil diff=evil merge=evil eol=crlf\n');
    const config = join(top, 'gitconfig');
    writeFileSync(config, '');
    // Two of them a person's own git runs in the remote's repository, where that is a path: they are the remote's then.
    const isForBoth = ([name = '']: string[]): boolean => !/hooksPath|alternateRefs/.test(name);
    for (const [name = '', value = ''] of settings.filter(isForBoth)) git(top, 'config', '--file', config, name, value);
    vi.stubEnv('GIT_CONFIG_GLOBAL', config);
    for (const [name, value] of [
      ['GIT_DIR', top],
      ['GIT_WORK_TREE', top],
      ['GIT_EXTERNAL_DIFF', write('env')],
    ] as const)
      vi.stubEnv(name, value);
    const url = bareRepository();
    const root = testdir({ '.mailboxd/': '', 'mailboxes/': '' });
    git(root, 'init', '-q', '-b', 'main');
    for (const [name = '', value = ''] of settings) git(root, 'config', name, value);
    appendFileSync(join(root, '.git/config'), `[core]\n\tworktree = ${join(top, 'elsewhere')}\n`);
    for (const hook of readdirSync(join(top, 'hooks')))
      execFileSync('cp', [join(top, 'hooks', hook), join(root, '.git/hooks', hook)]);
    const host = await openHost(root, url, 'a-1');
    const other = await gitHost(url, 'b-1');
    host.write(`${INBOX}/bytes.md`, 'one\r\ntwo\n');
    await sync(host, other);
    other.write(`${INBOX}/back.md`, 'back\n');
    await sync(other, host, host);
    expect(other.read(`${INBOX}/bytes.md`)).toBe('one\r\ntwo\n');
    expect(host.read(`${INBOX}/back.md`)).toBe('back\n');
    expect(git(url, 'rev-parse', 'main')).toBe(git(root, 'rev-parse', 'main'));
    expect(readdirSync(join(top, 'canary'))).toEqual([]);
    expect(readdirSync(join(top, 'elsewhere'))).toEqual([]);
    expect(git(url, 'for-each-ref', '--format=%(refname)')).not.toContain('tags');
    expect(existsSync(join(root, INBOX, 'bytes.md'))).toBe(true);
    for (const { exchange } of [host, other]) await exchange.close();
  });
});
