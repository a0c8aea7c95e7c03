import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openMailboxes } from '../../src/mailbox/open.js';
import { arrived, drop, pathOf, runDaemon, testRoot, tree } from '../support/daemon.js';
import { waitUntil } from '../support/wait-until.js';

const LONG = 'simulate: duration 20s\nsimulate: length 4000\n';

describe('moving a file is a command', () => {
  it('mv in_progress/x.md failed/ cancels the run, and the end is written where the file is', async () => {
    const root = testRoot();
    await using d = await runDaemon(root);
    drop(root, 'server', 'x.md', LONG);
    await d.event('output', 'x.md');
    renameSync(pathOf(root, 'server', 'in_progress', 'x.md'), pathOf(root, 'server', 'failed', 'x.md'));
    await d.event('finished', 'x.md');
    const text = readFileSync(pathOf(root, 'server', 'failed', 'x.md'), 'utf8');
    expect(text).toContain('outcome: "cancelled"');
    expect(text).toMatch(/## Result\n\n\*\*Cancelled\*\*/);
    expect(tree(root)).toEqual(['server/failed/x.md']);
  });

  it('mv failed/x.md inbox/ runs it again from its own text, with its counters begun anew', async () => {
    const root = testRoot();
    await using d = await runDaemon(root);
    drop(root, 'server', 'x.md', '---\nmax_attempts: 1\n---\nsimulate: fail-times 1\n');
    await d.event('finished', 'x.md');
    renameSync(pathOf(root, 'server', 'failed', 'x.md'), pathOf(root, 'server', 'inbox', 'x.md'));
    const text = await arrived(root, 'server', 'complete', 'x.md');
    expect(text).toMatch(/## Run 1[\s\S]*\*\*Failed\*\*[\s\S]*## Run 2[\s\S]*## Result\n\nThis is a simulated run/);
    expect(text).toMatch(/^---\nmax_attempts: 1\n/);
    expect(text).not.toMatch(/^attempts:/m);
    expect(text.match(/^result:/gm)).toHaveLength(1);
  });

  it('mv complete/x.md inbox/ after the person edited the text prompts with the edited text', async () => {
    const root = testRoot();
    await using d = await runDaemon(root);
    drop(root, 'server', 'x.md', 'simulate: answer first\n');
    await d.event('finished', 'x.md');
    const done = readFileSync(pathOf(root, 'server', 'complete', 'x.md'), 'utf8');
    rmSync(pathOf(root, 'server', 'complete', 'x.md'));
    drop(root, 'server', 'x.md', done.replace('answer first\n', 'answer second\n'));
    const text = await arrived(root, 'server', 'complete', 'x.md');
    expect(text).toMatch(/## Run 1[\s\S]*first[\s\S]*## Run 2[\s\S]*second\n$/);
  });

  it('moving a running task to another mailbox stops it and runs it there', async () => {
    const root = testRoot();
    await using d = await runDaemon(root);
    drop(root, 'server', 'x.md', 'simulate: duration 1500ms\nsimulate: length 1000\n');
    await d.event('output', 'x.md');
    renameSync(pathOf(root, 'server', 'in_progress', 'x.md'), pathOf(root, 'laptop', 'inbox', 'x.md'));
    const text = await arrived(root, 'laptop', 'complete', 'x.md');
    expect(text).toContain('## Run 2');
    expect(text.match(/<!-- result /g)).toHaveLength(1);
    await waitUntil(() => tree(root).length === 1, { what: 'one file' });
  });

  it('deleting a running task stops it, and what it wrote is kept beside', async () => {
    const root = testRoot();
    await using d = await runDaemon(root);
    drop(root, 'server', 'x.md', LONG);
    const { id } = await d.event('claimed', 'x.md');
    await d.event('output', 'x.md');
    rmSync(pathOf(root, 'server', 'in_progress', 'x.md'));
    const kept = join(root, '.mailboxd/kept', `${id}-1.md`);
    await waitUntil(() => existsSync(kept), { what: 'the kept output' });
    expect(readFileSync(kept, 'utf8')).toContain('simulated');
    await waitUntil(() => tree(root).length === 0, { what: 'an empty tree' });
  });

  it('mv in_progress/x.md complete/ ends the run there, with one outcome', async () => {
    const root = testRoot();
    await using d = await runDaemon(root);
    drop(root, 'server', 'x.md', LONG);
    await d.event('output', 'x.md');
    renameSync(pathOf(root, 'server', 'in_progress', 'x.md'), pathOf(root, 'server', 'complete', 'x.md'));
    await d.event('finished', 'x.md');
    const text = readFileSync(pathOf(root, 'server', 'complete', 'x.md'), 'utf8');
    expect(text).toMatch(/^result: \{ outcome: "complete"/m);
    expect(text).not.toContain('**Cancelled**');
    expect(text).toContain('(moved to complete/ by hand while it ran)');
  });

  it('cancel, retry, move, ack and delete of the facade do the same', async () => {
    const root = testRoot();
    await using d = await runDaemon(root);
    await using desk = await openMailboxes(root);
    drop(root, 'server', 'x.md', LONG);
    const { id } = await d.event('claimed', 'x.md');
    await d.event('output', 'x.md');
    await desk.cancel(id.slice(0, 20));
    await d.event('finished', 'x.md');
    await expect(desk.cancel(id)).rejects.toMatchObject({ code: 'conflict' });
    writeFileSync(
      pathOf(root, 'server', 'failed', 'x.md'),
      readFileSync(pathOf(root, 'server', 'failed', 'x.md'), 'utf8').replace(LONG, 'short\n'),
    );
    await desk.retry(id);
    await arrived(root, 'server', 'complete', 'x.md');
    await desk.sync();
    await desk.move(id, 'laptop');
    await arrived(root, 'laptop', 'complete', 'x.md');
    await waitUntil(() => d.events.filter((event) => event.type === 'finished').length === 3);
    await desk.sync();
    await desk.delete(id);
    expect(tree(root)).toEqual([]);
  });
});

describe('an end that cannot be written', () => {
  it('is written when the disk lets us, and the task is not run again for that', async () => {
    const root = testRoot();
    await using d = await runDaemon(root);
    drop(root, 'server', 'x.md', 'simulate: duration 300ms\nsimulate: answer once\n');
    await d.event('claimed', 'x.md');
    const complete = join(root, 'mailboxes/server/complete');
    rmSync(complete, { recursive: true });
    writeFileSync(complete, 'not a folder');
    const { message } = await d.event('trouble');
    expect(message).toMatch(/^finishing server\/in_progress\/x\.md: /);
    rmSync(complete);
    mkdirSync(complete);
    await d.event('finished', 'x.md');
    expect(d.events.filter((event) => event.type === 'claimed')).toHaveLength(1);
    expect(tree(root)).toEqual(['server/complete/x.md']);
    expect(readFileSync(join(complete, 'x.md'), 'utf8')).not.toContain('## Run 2');
  });
});

describe("a person's edits", () => {
  it('notes appended while it runs stay below the result; edits of the own text stay above', async () => {
    const root = testRoot();
    await using d = await runDaemon(root);
    drop(root, 'server', 'x.md', 'Please do it.\n\nsimulate: duration 900ms\nsimulate: length 600\n');
    await d.event('output', 'x.md');
    const path = pathOf(root, 'server', 'in_progress', 'x.md');
    // an editor's save: whole new file by rename, with the person's line changed
    writeFileSync(`${path}.swp`, readFileSync(path, 'utf8').replace('Please do it.', 'Please do it well.'));
    renameSync(`${path}.swp`, path);
    appendFileSync(path, 'my own note\n');
    await d.event('finished', 'x.md');
    const text = await arrived(root, 'server', 'complete', 'x.md');
    expect(text).toContain('\nPlease do it well.\n');
    expect(text).toContain('my own note');
    expect(text.match(/^## Result$/gm)).toHaveLength(1);
  });

  it('front matter broken while it runs: the output is kept beside, the file goes to failed as it is', async () => {
    const root = testRoot();
    await using d = await runDaemon(root);
    drop(root, 'server', 'x.md', 'simulate: duration 600ms\n');
    const { id } = await d.event('claimed', 'x.md');
    const path = pathOf(root, 'server', 'in_progress', 'x.md');
    writeFileSync(path, readFileSync(path, 'utf8').replace('---\n', '---\nsubject: "unclosed\n'));
    const text = await arrived(root, 'server', 'failed', 'x.md');
    expect(text).toContain('subject: "unclosed');
    expect(existsSync(join(root, '.mailboxd/kept', `${id}-1.md`))).toBe(true);
  });
});

describe('copies', () => {
  it('of two files with one id, the finished one keeps it and the copy is run under a new one', async () => {
    const root = testRoot();
    await using d = await runDaemon(root);
    drop(root, 'server', 'x.md', 'simulate: answer one\n');
    const { id } = await d.event('claimed', 'x.md');
    await d.event('finished', 'x.md');
    copyFileSync(pathOf(root, 'server', 'complete', 'x.md'), pathOf(root, 'server', 'inbox', 'y.md'));
    await d.event('finished', 'y.md');
    const copy = await arrived(root, 'server', 'complete', 'y.md');
    expect(copy).toContain(`copied_from: "${id}"`);
    expect(copy).not.toContain(`\nid: "${id}"`);
    expect(readFileSync(pathOf(root, 'server', 'complete', 'x.md'), 'utf8')).toContain(`id: "${id}"`);
  });

  it('of two waiting files with one id, both are run, under two ids', async () => {
    const root = testRoot();
    const file = '---\nid: same-id\n---\nx\n';
    drop(root, 'server', 'a.md', file);
    drop(root, 'laptop', 'b.md', file);
    await using d = await runDaemon(root);
    const texts = [
      await arrived(root, 'server', 'complete', 'a.md'),
      await arrived(root, 'laptop', 'complete', 'b.md'),
    ];
    expect(texts.filter((text) => text.includes('copied_from: "same-id"'))).toHaveLength(1);
    expect(texts.filter((text) => /^id: "?same-id"?$/m.test(text))).toHaveLength(1);
    expect(d.events.filter((event) => event.type === 'claimed')).toHaveLength(2);
  });

  it('a new file that brings a claim, runs or results with it is refused, whole', async () => {
    const root = testRoot();
    await using d = await runDaemon(root);
    const forged = {
      'runs.md':
        '---\nid: m1\nruns:\n  - { n: 1, epoch: 1, token: "1-aaaaaaaaaaaaaaaaaaaa", worker: "a@b", runner: "x", started: "2026-01-01T00:00:00Z", outcome: "complete" }\n---\nx\n',
      'result.md': '---\nid: m2\nresult: { outcome: "complete", at: "2026-01-01T00:00:00Z" }\n---\nx\n',
      'epoch.md': '---\nid: m3\nepoch: 7\n---\nx\n',
      // Incomplete ones too: nothing says how to complete them.
      'claim.md': '---\nclaim: { worker: a@b }\n---\nx\n',
      'results.md': '---\nresult: done\n---\nx\n',
      'no-runs.md': '---\nruns: 3\n---\nx\n',
      'empty.md': '---\nruns: [null, 1]\nseal:\n---\nx\n',
    };
    for (const [name, text] of Object.entries(forged)) {
      drop(root, 'server', name, text);
      const { reason } = await d.event('refused', name);
      expect(reason).toMatch(/newly delivered message, expected none/);
      const failed = await arrived(root, 'server', 'failed', name);
      expect(failed.startsWith(text)).toBe(true);
      expect(failed).toContain('## Refused');
    }
  });

  it('a refused file that the person mended and moved back is run', async () => {
    const root = testRoot();
    await using d = await runDaemon(root);
    drop(root, 'server', 'x.md', '---\npriority: hgih\n---\nsimulate: answer fine\n');
    await d.event('refused', 'x.md');
    const path = pathOf(root, 'server', 'failed', 'x.md');
    writeFileSync(path, readFileSync(path, 'utf8').replace('hgih', 'high'));
    renameSync(path, pathOf(root, 'server', 'inbox', 'x.md'));
    const done = await arrived(root, 'server', 'complete', 'x.md');
    expect(done).toMatch(/## Refused[\s\S]*## Result\n\nfine/);
  });
});

describe('the folder is the truth', () => {
  it('deleting all of .mailboxd but its configuration changes no list and no count', async () => {
    const root = testRoot();
    {
      await using d = await runDaemon(root);
      for (const name of ['a', 'b', 'c'])
        drop(root, 'server', `${name}.md`, name === 'c' ? '---\nmax_attempts: 1\n---\nsimulate: fail no\n' : name);
      await waitUntil(() => d.events.filter((event) => event.type === 'finished').length === 3);
    }
    const look = async (): Promise<unknown> => {
      await using desk = await openMailboxes(root);
      const { records } = await desk.list();
      return { records, stats: await desk.stats() };
    };
    const before = await look();
    for (const entry of readdirSync(join(root, '.mailboxd'))) {
      if (entry !== 'config.yaml') rmSync(join(root, '.mailboxd', entry), { recursive: true });
    }
    expect(await look()).toEqual(before);
    await using d = await runDaemon(root);
    renameSync(pathOf(root, 'server', 'failed', 'c.md'), pathOf(root, 'server', 'inbox', 'c.md'));
    await d.event('claimed', 'c.md');
  });
});
