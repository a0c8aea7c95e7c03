import { describe, expect, it } from 'vitest';
import { type RunRules, pairChanges } from '../../../src/core/merge.js';
import { diffTrees, file, mergeTrees, textOf, textsOf, treeOf } from './tree.js';

const BOX = 'mailboxes/server';
const BASE = '---\nid: m1\n---\ndo\n';
const RUN = `${BASE}## Result\ndone\n`;
const EDITED = BASE.replace('do', 'do more');
const inbox = `${BOX}/inbox/x.md`;
const complete = `${BOX}/complete/x.md`;
const failed = `${BOX}/failed/x.md`;
const follow = `${BOX}/inbox/x-follow.md`;

const rules: RunRules = {
  isRun: (before, after) => !textOf(before).includes('## Result') && textOf(after).includes('## Result'),
  followUp: (edited) => file(follow, `follows\n${textOf(edited)}`),
  appendRun: (now) => (textOf(now).includes('## Result') ? now : file(now.path, `${textOf(now)}## Result\ndone\n`)),
};

/** One side finished the message; what the other did, and what comes of both: as if it had come before the result. */
const CASES: Record<string, [Record<string, string>, Record<string, string>]> = {
  nothing: [{ [inbox]: BASE }, { [complete]: RUN }],
  'the claim shown': [{ [`${BOX}/in_progress/x.md`]: BASE }, { [complete]: RUN }],
  renamed: [{ [`${BOX}/inbox/y.md`]: BASE }, { [`${BOX}/complete/y.md`]: RUN }],
  edited: [{ [inbox]: EDITED }, { [complete]: RUN, [follow]: `follows\n${EDITED}` }],
  cancelled: [{ [failed]: BASE }, { [failed]: RUN }],
  'cancelled and edited': [{ [failed]: EDITED }, { [failed]: `${EDITED}## Result\ndone\n` }],
  deleted: [{}, { [complete]: RUN }],
  'the same result': [{ [complete]: RUN }, { [complete]: RUN }],
};

describe('a finished run that meets what a person did', () => {
  it.each(Object.entries(CASES))('%s', (_, [person, merged]) => {
    const base = treeOf({ [inbox]: BASE });
    const [ran, other] = [treeOf({ [complete]: RUN }), treeOf(person)];
    const { tree } = mergeTrees(base, ran, other, rules);
    expect(textsOf(tree)).toEqual(textsOf(treeOf(merged)));
    expect(textsOf(mergeTrees(base, other, ran, rules).tree)).toEqual(textsOf(treeOf(merged)));
    expect(textsOf(mergeTrees(base, other, tree, rules).tree)).toEqual(textsOf(treeOf(merged)));
  });
});

describe('moves are found', () => {
  const y = `${BOX}/inbox/y.md`;
  it.each<[string, Record<string, string>, Record<string, string>, string[]]>([
    ['by id', { [inbox]: BASE }, { [failed]: EDITED }, [`${inbox} ${failed}`]],
    ['by content', { [inbox]: 'do\n' }, { [`${BOX}/failed/y.md`]: 'do\n' }, [`${inbox} ${BOX}/failed/y.md`]],
    ['by name where one has no id', { [inbox]: 'do\n' }, { [failed]: BASE }, [`${inbox} ${failed}`]],
    [
      'not by name where both have ids',
      { [inbox]: BASE },
      { [failed]: BASE.replace('m1', 'm2') },
      [`${inbox} -`, `- ${failed}`],
    ],
    [
      'the copy with the same name first',
      { [inbox]: BASE },
      { [failed]: BASE, [`${BOX}/failed/a.md`]: BASE },
      [`${inbox} ${failed}`, `- ${BOX}/failed/a.md`],
    ],
    ['in place', { [inbox]: BASE }, { [inbox]: EDITED }, [`${inbox} ${inbox}`]],
    ['in place, with an id now', { [inbox]: 'do\n' }, { [inbox]: BASE }, [`${inbox} ${inbox}`]],
    [
      'another message in its place',
      { [inbox]: BASE, [y]: BASE.replace('m1', 'm2') },
      { [inbox]: BASE.replace('m1', 'm2') },
      [`${y} ${inbox}`, `${inbox} -`],
    ],
    [
      'an attachment',
      { 'attachments/1/a.png': 'x' },
      { 'attachments/2/a.png': 'x' },
      ['attachments/1/a.png attachments/2/a.png'],
    ],
  ])('%s', (_, from, to, expected) => {
    const diff = diffTrees(treeOf(from), treeOf(to));
    for (const order of [diff, diff.toReversed()]) {
      const found = pairChanges(order).map(({ before, after }) => `${before?.path ?? '-'} ${after?.path ?? '-'}`);
      expect(found.toSorted()).toEqual(expected.toSorted());
    }
  });
});
