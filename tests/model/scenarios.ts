/** What is explored: who takes part, what may go wrong and how often. Small, so that most are seen whole. */
import type { Budget } from './state.js';
import type { Tree } from './tree.js';

/** What a person may do. */
export type Deed =
  | { readonly do: 'edit' | 'cancel' | 'retry' | 'reassign' | 'delete' }
  | { readonly do: 'deliver'; readonly name: string; readonly bare: boolean };

export interface Scenario {
  readonly about: string;
  readonly hosts: readonly string[];
  readonly files: Tree;
  readonly budget: Budget;
  /** What people do with plain git on main, and in the hosts' working trees. */
  readonly people: readonly Deed[];
  readonly local: readonly Deed[];
  readonly shows: boolean;
  readonly finishes: readonly ('main' | 'done')[];
  readonly tornFetch: boolean;
}

const NOTHING: Budget = {
  claims: 2,
  people: 0,
  local: 0,
  ticks: 0,
  renewals: 0,
  crashes: 0,
  lost: 0,
  failures: 0,
};

const M = { id: 'id-m', text: ['m'], runs: [], epoch: 0 };
const ONE: Tree = { 'x/inbox/a': M };
const TWO: Tree = { 'x/inbox/a': M, 'x/inbox/b': { ...M, id: 'id-n', text: ['n'] } };
const BARE: Tree = { 'x/inbox/a': { ...M, id: null } };
const MOVES: readonly Deed[] = [{ do: 'cancel' }, { do: 'retry' }, { do: 'reassign' }];
const ALL: readonly Deed[] = [...MOVES, { do: 'edit' }, { do: 'delete' }];
const SAME_NAME: Deed = { do: 'deliver', name: 'a', bare: false };
const SAME_NAME_BARE: Deed = { do: 'deliver', name: 'a', bare: true };

function scenario(about: string, budget: Partial<Budget>, rest: Partial<Scenario> = {}): Scenario {
  return {
    about,
    hosts: ['A', 'B'],
    files: ONE,
    people: [],
    local: [],
    shows: false,
    finishes: ['main', 'done'],
    tornFetch: false,
    ...rest,
    budget: { ...NOTHING, ...budget },
  };
}

export const SCENARIOS = {
  race: scenario('two hosts, a lease that ends, a crash', { claims: 3, ticks: 2, crashes: 1 }),
  attempts: scenario('an attempt fails and is made again', { claims: 3, ticks: 2, failures: 1 }),
  shown: scenario('in_progress shown on main', { claims: 3, ticks: 3 }, { shows: true }),
  renewed: scenario('renewals, with in_progress and without', { claims: 2, ticks: 3, renewals: 1 }, { shows: true }),
  unheard: scenario('answers are lost, with a crash', { claims: 3, lost: 1, crashes: 1, ticks: 2 }),
  unheardAnew: scenario('a lease ends, and its renewal goes unheard', { claims: 3, lost: 1, ticks: 2 }),
  unheardShown: scenario('answers are lost, in_progress shown', { claims: 2, lost: 1, ticks: 2 }, { shows: true }),
  torn: scenario('answers are lost, fetches are torn', { claims: 2, lost: 1 }, { tornFetch: true }),
  people: scenario('two changes by people on main', { people: 2 }, { people: ALL }),
  peopleShown: scenario(
    'a change by a person, in_progress shown',
    { people: 1, ticks: 2 },
    { people: ALL, shows: true },
  ),
  local: scenario(
    'a change in a working tree, another on main',
    { people: 1, local: 1, claims: 1 },
    { people: ALL, local: ALL },
  ),
  localUnheard: scenario('a change in a working tree, answers lost', { local: 1, lost: 1, claims: 1 }, { local: ALL }),
  delivered: scenario(
    'two people deliver the same name, one answer is lost',
    { local: 2, lost: 1, claims: 1 },
    { files: {}, local: [SAME_NAME] },
  ),
  deliveredBare: scenario(
    'a file without id is delivered; an answer is lost, a crash',
    { local: 1, lost: 1, crashes: 1, claims: 2 },
    { files: {}, local: [SAME_NAME_BARE] },
  ),
  sameName: scenario(
    'the name of a claimed message is delivered again',
    { people: 1, claims: 2 },
    { people: [SAME_NAME] },
  ),
  bare: scenario(
    'a file without id, moved, edited, deleted or delivered again',
    { people: 1, claims: 3 },
    { files: BARE, people: [...ALL, SAME_NAME_BARE], shows: true },
  ),
  bareLocal: scenario(
    'a file without id, changed in a working tree',
    { local: 1, claims: 1 },
    { files: BARE, local: ALL, shows: true },
  ),
  bareLease: scenario('a file without id, a lease that ends', { claims: 3, ticks: 2 }, { files: BARE, shows: true }),
  twoMessages: scenario('two messages', { claims: 3, ticks: 2 }, { files: TWO }),
  all: scenario(
    'three hosts, two messages, everything',
    { claims: 6, ticks: 4, people: 3, local: 2, lost: 2, crashes: 2, renewals: 2, failures: 1 },
    {
      hosts: ['A', 'B', 'C'],
      files: { ...TWO, 'x/inbox/c': { ...M, id: null, text: ['o'] } },
      people: [...ALL, SAME_NAME],
      local: [...ALL, SAME_NAME, SAME_NAME_BARE],
      shows: true,
    },
  ),
} as const satisfies Record<string, Scenario>;
