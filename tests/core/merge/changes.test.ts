import { describe, expect, it } from 'vitest';
import { blobId, mergeChanges } from '../../../src/core/merge.js';
import { file, mergeTrees, textsOf, treeOf } from './tree.js';

const BOX = 'mailboxes/server';
const short = (text: string): string => blobId(Buffer.from(text)).slice(0, 8);
/** Two texts, the one with the greater object id first. */
const ranked = (one: string, other: string): [string, string] =>
  blobId(Buffer.from(one)) > blobId(Buffer.from(other)) ? [one, other] : [other, one];

type Files = Record<string, string>;
const LINES = '---\nid: m1\npriority: normal\n---\none\ntwo\nthree\nfour\n';
const FRONT = LINES.replace('normal', 'high');
const BODY = LINES.replace('three', 'THREE');
const ALSO = LINES.replace('three', 'drei');
const BOTH = FRONT.replace('three', 'THREE');
const [greater, lesser] = ranked(BODY, ALSO);
const [longName, longOther] = ranked('first\n', 'second\n');

const inbox = `${BOX}/inbox/x.md`;
const shown = `${BOX}/in_progress/x.md`;
const failed = `${BOX}/failed/x.md`;
const complete = `${BOX}/complete/x.md`;
const month = `${BOX}/complete/2026-11/x.md`;
const other = 'mailboxes/other/inbox/x.md';
const beside = (path: string, text: string): string => path.replace(/(\.\w+)?$/, `-${short(text)}$1`);
const edited = (path: string, text: string): string => path.replace(/(\.\w+)$/, `-edited-${short(text)}$1`);

/** base, ours, theirs, merged. Each is merged both ways round. */
const CASES: Record<string, [Files, Files, Files, Files]> = {
  'nothing on either side': [{ [inbox]: LINES }, { [inbox]: LINES }, { [inbox]: LINES }, { [inbox]: LINES }],
  'edited on one side': [{ [inbox]: LINES }, { [inbox]: BODY }, { [inbox]: LINES }, { [inbox]: BODY }],
  'the same edit on both': [{ [inbox]: LINES }, { [inbox]: BODY }, { [inbox]: BODY }, { [inbox]: BODY }],
  'edited in different lines': [{ [inbox]: LINES }, { [inbox]: BODY }, { [inbox]: FRONT }, { [inbox]: BOTH }],
  'edited in the same line': [
    { [inbox]: LINES },
    { [inbox]: BODY },
    { [inbox]: ALSO },
    { [inbox]: greater, [edited(inbox, lesser)]: lesser },
  ],
  'the same key added in two places': [
    { [inbox]: LINES },
    { [inbox]: LINES.replace('---\nid', '---\nsubject: a\nid') },
    { [inbox]: LINES.replace('normal\n', 'normal\nsubject: b\n') },
    (() => {
      const [g, l] = ranked(
        LINES.replace('---\nid', '---\nsubject: a\nid'),
        LINES.replace('normal\n', 'normal\nsubject: b\n'),
      );
      return { [inbox]: g, [edited(inbox, l)]: l };
    })(),
  ],
  'a card edited on both sides': [
    { [`${BOX}/mailbox.yaml`]: 'description: x\n' },
    { [`${BOX}/mailbox.yaml`]: 'description: first\n' },
    { [`${BOX}/mailbox.yaml`]: 'description: second\n' },
    (() => {
      const [g, l] = ranked('description: first\n', 'description: second\n');
      return { [`${BOX}/mailbox.yaml`]: g, [edited(`${BOX}/mailbox.yaml`, l)]: l };
    })(),
  ],
  'moved here, edited there': [{ [inbox]: LINES }, { [failed]: LINES }, { [inbox]: BODY }, { [failed]: BODY }],
  'moved and edited here, edited there': [
    { [inbox]: LINES },
    { [failed]: FRONT },
    { [inbox]: BODY },
    { [failed]: BOTH },
  ],
  'moved to the same place': [{ [inbox]: LINES }, { [failed]: LINES }, { [failed]: LINES }, { [failed]: LINES }],
  'moved to complete and failed': [
    { [inbox]: LINES },
    { [complete]: LINES },
    { [failed]: LINES },
    { [complete]: LINES },
  ],
  'claimed here, cancelled there': [{ [inbox]: LINES }, { [shown]: LINES }, { [failed]: LINES }, { [failed]: LINES }],
  'claimed here, reassigned there': [{ [inbox]: LINES }, { [shown]: LINES }, { [other]: LINES }, { [other]: LINES }],
  'two reassignments': [
    { [inbox]: LINES },
    { [other]: LINES },
    { ['mailboxes/zeta/inbox/x.md']: LINES },
    { ['mailboxes/zeta/inbox/x.md']: LINES },
  ],
  'retention against retry': [{ [complete]: LINES }, { [month]: LINES }, { [inbox]: LINES }, { [inbox]: LINES }],
  'retention against an edit': [{ [complete]: LINES }, { [month]: LINES }, { [complete]: BODY }, { [month]: BODY }],
  'retention on both, in two months': [
    { [complete]: LINES },
    { [month]: LINES },
    { [`${BOX}/complete/2026-12/x.md`]: LINES },
    { [`${BOX}/complete/2026-12/x.md`]: LINES },
  ],
  'renamed here, moved there': [
    { [inbox]: LINES },
    { [`${BOX}/inbox/new.md`]: LINES },
    { [failed]: LINES },
    { [`${BOX}/failed/new.md`]: LINES },
  ],
  'a bare file claimed, its id written; edited there': [
    { [inbox]: 'one\ntwo\nthree\n' },
    { [shown]: '---\nid: m1\n---\none\ntwo\nthree\n' },
    { [inbox]: 'one\ntwo\nTHREE\n' },
    { [shown]: '---\nid: m1\n---\none\ntwo\nTHREE\n' },
  ],
  'deleted against nothing': [{ [inbox]: LINES }, {}, { [inbox]: LINES }, {}],
  'deleted on both': [{ [inbox]: LINES }, {}, {}, {}],
  'deleted against the claim shown': [{ [inbox]: LINES }, {}, { [shown]: LINES }, {}],
  'deleted against a month folder': [{ [complete]: LINES }, {}, { [month]: LINES }, {}],
  'deleted against an edit': [{ [inbox]: LINES }, {}, { [inbox]: BODY }, { [inbox]: BODY }],
  'deleted against a move and edit': [{ [inbox]: LINES }, {}, { [shown]: BODY }, { [shown]: BODY }],
  'deleted against cancel': [{ [inbox]: LINES }, {}, { [failed]: LINES }, { [failed]: LINES }],
  'deleted against reassign': [{ [inbox]: LINES }, {}, { [other]: LINES }, { [other]: LINES }],
  'two new files of one name': [
    {},
    { [inbox]: 'first\n' },
    { [inbox]: 'second\n' },
    { [inbox]: longName, [beside(inbox, longOther)]: longOther },
  ],
  'two new files of one name and one id': [
    {},
    { [inbox]: BODY },
    { [inbox]: ALSO },
    { [inbox]: greater, [beside(inbox, lesser)]: lesser },
  ],
  'the same new file': [{}, { [inbox]: 'first\n' }, { [inbox]: 'first\n' }, { [inbox]: 'first\n' }],
  'one id at two paths, other content': [
    {},
    { [inbox]: BODY },
    { [`${BOX}/inbox/y.md`]: ALSO },
    { [inbox]: BODY, [`${BOX}/inbox/y.md`]: ALSO },
  ],
  'one id at two paths, one content': [{}, { [inbox]: LINES }, { [failed]: LINES }, { [failed]: LINES }],
  'two bare messages of equal text moved to one place': [
    { [inbox]: 'do\n', [`${BOX}/failed/x.md`]: 'do\n' },
    { [complete]: 'do\n', [failed]: 'do\n' },
    { [inbox]: 'do\n', [complete]: 'do\n' },
    { [complete]: 'do\n', [beside(complete, 'do\n')]: 'do\n' },
  ],
  'a name that was free when both began': [
    { [inbox]: LINES, [`${BOX}/complete/y.md`]: 'y\n' },
    { [complete]: LINES, [`${BOX}/complete/y.md`]: 'y\n' },
    { [inbox]: LINES, [complete]: 'other\n', [`${BOX}/complete/y.md`]: 'y\n' },
    (() => {
      const [g, l] = ranked(LINES, 'other\n');
      return { [complete]: g, [beside(complete, l)]: l, [`${BOX}/complete/y.md`]: 'y\n' };
    })(),
  ],
  'a merged place where an untouched file lies': [
    { [inbox]: LINES, [`${BOX}/failed/new.md`]: 'old\n' },
    { [`${BOX}/inbox/new.md`]: LINES, [`${BOX}/failed/new.md`]: 'old\n' },
    { [failed]: LINES, [`${BOX}/failed/new.md`]: 'old\n' },
    { [beside(`${BOX}/failed/new.md`, LINES)]: LINES, [`${BOX}/failed/new.md`]: 'old\n' },
  ],
  'a file against a folder': [
    {},
    { 'threads/t.md': 'file\n' },
    { 'threads/t.md/a.txt': 'in a folder\n' },
    { [beside('threads/t.md', 'file\n')]: 'file\n', 'threads/t.md/a.txt': 'in a folder\n' },
  ],
  'another message in its place, with an id': [
    { [inbox]: LINES },
    { [beside(inbox, LINES)]: LINES, [inbox]: '---\nid: m2\n---\nnew\n' },
    { [inbox]: BODY },
    { [beside(inbox, LINES)]: BODY, [inbox]: '---\nid: m2\n---\nnew\n' },
  ],
  'another message in its place, bare': [
    { [inbox]: 'one\ntwo\nthree\n' },
    { [beside(inbox, 'one\ntwo\nthree\n')]: 'one\ntwo\nthree\n', [inbox]: 'one\nother\nthree\n' },
    { [inbox]: 'one\ntwo\nthree\nfour\n' },
    { [beside(inbox, 'one\ntwo\nthree\n')]: 'one\ntwo\nthree\nfour\n', [inbox]: 'one\nother\nthree\n' },
  ],
  'two messages that changed names': [
    { [inbox]: LINES, [`${BOX}/inbox/y.md`]: '---\nid: m2\n---\ny\n' },
    { [inbox]: '---\nid: m2\n---\ny\n', [`${BOX}/inbox/y.md`]: LINES },
    { [inbox]: BODY, [`${BOX}/inbox/y.md`]: '---\nid: m2\n---\ny\n' },
    { [inbox]: '---\nid: m2\n---\ny\n', [`${BOX}/inbox/y.md`]: BODY },
  ],
};

describe('the merge of two sides', () => {
  it.each(Object.entries(CASES))('%s', (_, [base, ours, theirs, merged]) => {
    expect(textsOf(mergeTrees(treeOf(base), treeOf(ours), treeOf(theirs)).tree)).toEqual(textsOf(treeOf(merged)));
    expect(textsOf(mergeTrees(treeOf(base), treeOf(theirs), treeOf(ours)).tree)).toEqual(textsOf(treeOf(merged)));
  });

  it.each(Object.entries(CASES))('%s, merged once more after an unknown outcome', (_, [base, ours, theirs]) => {
    const once = mergeTrees(treeOf(base), treeOf(ours), treeOf(theirs)).tree;
    expect(textsOf(mergeTrees(treeOf(base), treeOf(ours), once).tree)).toEqual(textsOf(once));
  });

  it('says what it decided', () => {
    const kinds = (name: string): string[] => {
      const [base, ours, theirs] = CASES[name] as [Files, Files, Files, Files];
      return mergeTrees(treeOf(base), treeOf(ours), treeOf(theirs)).kinds;
    };
    expect(kinds('edited on one side')).toEqual([]);
    expect(kinds('edited in different lines')).toEqual(['text-merged']);
    expect(kinds('edited in the same line')).toEqual(['kept-both']);
    expect(kinds('two new files of one name')).toEqual(['renamed']);
    expect(kinds('moved to complete and failed')).toEqual(['moved-apart']);
    expect(kinds('deleted against the claim shown')).toEqual(['deleted']);
    expect(kinds('deleted against cancel')).toEqual(['kept-deleted']);
  });

  it('never takes a name that is taken, however often', () => {
    const [g, l] = ranked('first\n', 'second\n');
    const taken = new Set([beside(inbox, l)]);
    const { edits } = mergeChanges([{ after: file(inbox, l) }], [{ after: file(inbox, g) }], (path) => taken.has(path));
    expect([...edits.keys()]).toEqual([inbox.replace('.md', `-${short(l)}-2.md`)]);
  });

  it('keeps second names within 255 bytes', () => {
    for (const name of [`${'ä'.repeat(126)}.md`, `${'x'.repeat(250)}.yaml`, `x.${'y'.repeat(252)}`, 'z'.repeat(255)]) {
      const { edits } = mergeChanges(
        [{ after: file(name, 'first\n') }],
        [{ after: file(name, 'second\n') }],
        () => false,
      );
      const { tree } = mergeTrees(new Map(), treeOf({ [name]: 'first\n' }), treeOf({ [name]: 'second\n' }));
      expect(edits.size).toBeGreaterThan(0);
      expect(tree.size).toBe(2);
      for (const path of tree.keys()) expect(Buffer.byteLength(path)).toBeLessThanOrEqual(255);
    }
  });

  it('makes something of changes that no tree can have', () => {
    const x = file(inbox, 'x\n');
    const y = file(inbox, 'y\n');
    const { edits } = mergeChanges(
      [{ before: x, after: y }, { before: x, after: file(failed, 'z\n') }, {}],
      [{ before: x }],
      () => false,
    );
    expect([...edits.keys()].toSorted()).toHaveLength(2);
  });
});
