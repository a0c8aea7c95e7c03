import fc from 'fast-check';
import { expect, it } from 'vitest';
import { print } from '../../support/print.js';
import { type Step, take } from './history.js';
import { isSameTree, textOf, textsOf } from './tree.js';
import { copyWorld, createWorld, exchange, type Happened, tokensOf, type World, wordsOf } from './world.js';

/** `npm run check -- properties` asks for 10,000. */
const HISTORIES = Number(process.env['MAILBOXD_MERGE_HISTORIES'] ?? 2_000);
/** Of each class there are at least so many histories. */
const LEAST = Math.floor(HISTORIES * 0.03);

const ORDERS: Record<number, number[][]> = {
  2: [
    [0, 1],
    [1, 0],
  ],
  3: [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ],
};

/** These decisions leave more than one file with a message's text. */
const COPYING = ['kept-both', 'kept-deleted', 'follow-up', 'restored', 'appended'];

const act = fc.constantFrom<Step[0][]>(
  ...(['deliver', 'deliver name', 'deliver name', 'deliver id', 'edit', 'edit', 'edit', 'delete'] as const),
  ...(['move', 'move', 'claim', 'claim', 'finish', 'finish', 'exchange', 'exchange'] as const),
);
const number = fc.nat(839);
const step: fc.Arbitrary<Step> = fc.tuple(act, fc.nat(5), number, number, number);
const history = fc.record({
  hosts: fc.constantFrom(2, 3),
  steps: fc.array(step, { minLength: 4, maxLength: 18 }),
  /** Nobody exchanges before the end: all changes have one base. */
  isApart: fc.nat(3).map((one) => one === 0),
});

it('any history converges in every order of exchange, and keeps both sides', { timeout: 120_000 }, () => {
  const mix = new Map<string, number>();
  const count = (name: string): void => void mix.set(name, (mix.get(name) ?? 0) + 1);
  fc.assert(
    fc.property(history, ({ hosts, steps, isApart }) => {
      const world = createWorld(hosts);
      for (const one of steps) if (!isApart || !/^(claim|finish|exchange)$/.test(one[0])) take(world, one);
      const isOneBase = world.hosts.every(({ base }) => isSameTree(base, world.main));
      const ends = (ORDERS[hosts] ?? []).map((order) => settle(world, order));
      const trees = ends.map(({ main }) => main);
      for (const name of classesOf(world.happened)) count(name);
      for (const kind of new Set(ends.flatMap(({ kinds }) => [...kinds]))) count(`(${kind})`);
      const [first = new Map()] = trees;
      if (isOneBase) {
        count('(one base)');
        // Then no order may show in what is kept, and with two sides, where the merge is one function, in anything.
        for (const tree of trees) expect(wordsOf(tree)).toEqual(wordsOf(first));
        if (hosts === 2) for (const tree of trees) expect(textsOf(tree)).toEqual(textsOf(first));
      }
      count(trees.every((tree) => isSameTree(tree, first)) ? '(the same tree in every order)' : '(trees by order)');
    }),
    { numRuns: HISTORIES, seed: 3 },
  );
  const text = [...mix].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, many]) => `${name} ${many}`);
  print(`merge: ${HISTORIES} histories of 2 and 3 hosts, in every order of exchange: ${text.join(', ')}`);
  for (const name of CLASSES) expect(mix.get(name) ?? 0, name).toBeGreaterThanOrEqual(LEAST);
});

/** Everybody exchanges in this order until nothing moves. What must hold then, holds. */
function settle(start: World, order: number[]): World {
  const world = copyWorld(start);
  for (const index of order) exchange(world, index);
  for (const index of order) exchange(world, index);
  for (const index of order) expect(exchange(world, index), 'the exchange becomes quiet').toBe(false);
  for (const host of world.hosts) expect(isSameTree(host.tree, world.main)).toBe(true);

  const texts = [...world.main.values()].map(textOf);
  const found = new Map<string, number>();
  for (const token of texts.flatMap((text) => [...new Set(tokensOf(text))]))
    found.set(token, (found.get(token) ?? 0) + 1);
  const lost = [...world.kept].filter((token) => !found.has(token));
  if (lost.length > 0) expect.fail(`lost ${lost.join(', ')} of ${JSON.stringify(textsOf(world.main), null, 1)}`);
  expect(texts.filter((text) => /^(<<<<<<<|=======|>>>>>>>)/m.test(text))).toEqual([]);

  if (!COPYING.some((kind) => world.kinds.has(kind))) {
    const twice = [...found].filter(([token, many]) => token.startsWith('d') && many > 1);
    if (twice.length > 0)
      expect.fail(`${JSON.stringify(twice)} in two places: ${JSON.stringify(textsOf(world.main), null, 1)}`);
  }
  // Deleted by somebody, and nobody else did anything to it: gone.
  for (const { act: what, message } of world.happened) {
    const acts = world.happened.filter((one) => one.message === message && one.act !== 'deliver');
    if (what === 'delete' && acts.length === 1 && !world.kept.has(message)) expect(found.has(message)).toBe(false);
  }
  return world;
}

const CLASSES = [
  ...[
    'edit against claim',
    'delete against claim',
    'move against claim',
    'edit against finish',
    'delete against finish',
  ],
  ...['move against finish', 'edit against edit', 'edit against delete', 'edit against move', 'delete against move'],
  ...['move against move', 'same name', 'same id'],
];

/** Which acts on one message met: neither side knew of the other's. */
function classesOf(happened: Happened[]): Set<string> {
  const classes = new Set<string>();
  for (const [index, late] of happened.entries()) {
    for (const early of happened.slice(0, index)) {
      if ((late.known & early.bit) !== 0) continue;
      if (late.act === 'deliver' && early.act === 'deliver') {
        if (late.path === early.path) classes.add('same name');
        if (late.id !== undefined && late.id === early.id) classes.add('same id');
      } else if (late.message === early.message) {
        classes.add(`${early.act} against ${late.act}`).add(`${late.act} against ${early.act}`);
      }
    }
  }
  return new Set(CLASSES.filter((name) => classes.has(name)));
}
