import { describe, expect, it } from 'vitest';
import { blobId, type FileVersion, mergeFinish } from '../../../src/core/merge.js';
import { applyEdits, file, type Tree, textOf, textsOf, treeOf } from './tree.js';

const BOX = 'mailboxes/server';
const BASE = '---\nid: m1\n---\ndo\n';
const RUN = `${BASE}## Result\ndone\n`;
const EDITED = BASE.replace('do', 'do more');
const inbox = `${BOX}/inbox/x.md`;
const shown = `${BOX}/in_progress/x.md`;
const complete = `${BOX}/complete/x.md`;
const failed = `${BOX}/failed/x.md`;
const follow = `${BOX}/inbox/x-follow.md`;

const base = file(inbox, BASE);
const result = file(complete, RUN);
const followUp = (edited: FileVersion): FileVersion => file(follow, `follows\n${textOf(edited)}`);
const appendRun = (current: FileVersion): FileVersion =>
  textOf(current).includes('## Result') ? current : file(current.path, `${textOf(current)}## Result\ndone\n`);
const FOLLOW = `follows\n${EDITED}`;

function finish(tree: Tree, currentPath: string | undefined, parts: Partial<Parameters<typeof mergeFinish>[0]> = {}) {
  const current = currentPath === undefined ? undefined : tree.get(currentPath);
  const has = (path: string): boolean => tree.has(path);
  const { edits, notes } = mergeFinish({ base, result, current, followUp, appendRun, has, ...parts });
  return { tree: applyEdits(tree, edits), edits, kinds: notes.map(({ kind }) => kind) };
}

/** The tree of `main`, where the message is now, the outcome, where it is then. */
const CASES: Record<string, [Record<string, string>, string | undefined, Record<string, string>, string]> = {
  base: [{ [inbox]: BASE }, inbox, { [complete]: RUN }, complete],
  'base, shown in in_progress': [{ [shown]: BASE }, shown, { [complete]: RUN }, complete],
  'base under another name': [
    { [`${BOX}/inbox/y.md`]: BASE },
    `${BOX}/inbox/y.md`,
    { [`${BOX}/complete/y.md`]: RUN },
    `${BOX}/complete/y.md`,
  ],
  edited: [{ [inbox]: EDITED }, inbox, { [complete]: RUN, [follow]: FOLLOW }, complete],
  'edited in in_progress': [{ [shown]: EDITED }, shown, { [complete]: RUN, [follow]: FOLLOW }, complete],
  cancelled: [{ [failed]: BASE }, failed, { [failed]: RUN }, failed],
  'cancelled and edited': [{ [failed]: EDITED }, failed, { [failed]: `${EDITED}## Result\ndone\n` }, failed],
  reassigned: [
    { 'mailboxes/other/inbox/x.md': BASE },
    'mailboxes/other/inbox/x.md',
    { 'mailboxes/other/inbox/x.md': RUN },
    'mailboxes/other/inbox/x.md',
  ],
  deleted: [{}, undefined, { [complete]: RUN }, complete],
  'done already': [{ [complete]: RUN }, complete, { [complete]: RUN }, complete],
  'done already, in a month folder': [
    { [`${BOX}/complete/2026-11/x.md`]: RUN },
    `${BOX}/complete/2026-11/x.md`,
    { [`${BOX}/complete/2026-11/x.md`]: RUN },
    `${BOX}/complete/2026-11/x.md`,
  ],
  'the name taken by another': [
    { [inbox]: BASE, [complete]: 'other\n' },
    inbox,
    { [complete]: 'other\n', [`${BOX}/complete/x-${result.oid.slice(0, 8)}.md`]: RUN },
    `${BOX}/complete/x-${result.oid.slice(0, 8)}.md`,
  ],
  'the follow-up’s name taken by another': [
    { [inbox]: EDITED, [follow]: 'other\n' },
    inbox,
    {
      [complete]: RUN,
      [follow]: 'other\n',
      [follow.replace('.md', `-${blobId(Buffer.from(FOLLOW)).slice(0, 8)}.md`)]: FOLLOW,
    },
    complete,
  ],
};

describe('the merge of a result', () => {
  it.each(Object.entries(CASES))('%s', (_, [files, path, merged, then]) => {
    const once = finish(treeOf(files), path);
    expect(textsOf(once.tree)).toEqual(textsOf(treeOf(merged)));
    const again = finish(once.tree, then);
    expect([...again.edits]).toEqual([]);
  });

  it('a retry stands, and what was shown of the claim is no edit', () => {
    const claimed = file(shown, '---\nid: m1\nclaim: w\n---\ndo\n');
    const back = treeOf({ [inbox]: BASE });
    expect(textsOf(finish(back, inbox, { base: file(shown, BASE) }).tree)).toEqual({ [inbox]: RUN });
    const edited = finish(new Map([[shown, claimed]]), shown, { shown: claimed });
    expect(textsOf(edited.tree)).toEqual({ [complete]: RUN });
    expect(edited.kinds).toEqual([]);
  });

  it('another attempt goes back to the inbox, over its own path', () => {
    const waiting = file(inbox, RUN);
    const once = finish(treeOf({ [inbox]: BASE }), inbox, { result: waiting });
    expect(textsOf(once.tree)).toEqual({ [inbox]: RUN });
    expect(finish(once.tree, inbox, { result: waiting }).edits.size).toBe(0);
  });

  it('a deletion by the holder counts unless main has an edit or a move', () => {
    const deleted = { result: undefined };
    expect(textsOf(finish(treeOf({ [inbox]: BASE }), inbox, deleted).tree)).toEqual({});
    expect(textsOf(finish(treeOf({ [shown]: BASE }), shown, deleted).tree)).toEqual({});
    expect(textsOf(finish(treeOf({ [inbox]: EDITED }), inbox, deleted).tree)).toEqual({ [inbox]: EDITED });
    expect(textsOf(finish(treeOf({ [failed]: BASE }), failed, deleted).tree)).toEqual({ [failed]: BASE });
    expect(finish(new Map(), undefined, deleted).edits.size).toBe(0);
  });

  it('a follow-up that is there already is not written again', () => {
    const tree = treeOf({ [inbox]: EDITED, [follow]: FOLLOW });
    const once = finish(tree, inbox, { oidAt: (path) => tree.get(path)?.oid });
    expect(textsOf(once.tree)).toEqual({ [complete]: RUN, [follow]: FOLLOW });
    expect(once.kinds).toEqual(['follow-up']);
  });

  it('an edit that the result has already is no follow-up', () => {
    expect(textsOf(finish(treeOf({ [inbox]: RUN }), inbox).tree)).toEqual({ [complete]: RUN });
  });
});
