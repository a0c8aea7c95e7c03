/** One state of the whole: the remote, the hosts, pushes in flight, what people have left to do, and the checks' memory. */
import { type Copy, copiesOf, type Tree, union } from './tree.js';
import type { Objects } from './objects.js';
import type { Rules } from './rules.js';
import type { Scenario } from './scenarios.js';

/** What does not change while one scenario is explored. */
export interface World {
  readonly scenario: Scenario;
  readonly rules: Rules;
  readonly objects: Objects;
}

/** A lease, in ticks of the clock; a run may go on while its age is below. */
export const LEASE = 2;

/** The refs: main's commit, and claims (object ids) by message id or key. */
export interface Refs {
  readonly main: number;
  readonly claims: Readonly<Record<string, number>>;
}

/** A host's claim and how far it is. */
export interface Work {
  readonly key: string;
  readonly claim: number;
  /** Every claim object, and every commit with its result, that it tried to push. */
  readonly tried: { readonly claims: readonly number[]; readonly commits: readonly number[] };
  /** Ticks since before its last accepted push was sent. */
  readonly age: number;
  readonly at: 'won' | 'running' | 'stopped' | 'ran';
  /** A fetch was begun and ended since its last push. */
  readonly looked: boolean;
  /** Its last push was refused, or went unanswered; `gone`: and its claim was found gone since. */
  readonly doubt: false | true | 'gone';
  /** The message as main had it when the run began, or as this host has shown it since. */
  readonly base: Copy | null;
  readonly result: Copy | null;
}

/** What a person did in a host's working tree, and main does not have yet. */
export interface Local {
  readonly label: string;
  readonly base: Copy | null;
  readonly mine: Copy | null;
  readonly tried: readonly number[];
  readonly looked: boolean;
}

export interface Host {
  /** The refs as its last fetch saw them. */
  readonly picture: Refs;
  /** How many ticks it has watched each claim of its picture stay the same object. */
  readonly watched: Readonly<Record<string, number>>;
  /** A torn fetch: main as read, the claims not read yet. */
  readonly half: number | null;
  readonly work: Work | null;
  readonly local: Local | null;
  /** Claim objects that it tried to push, on disk. */
  readonly journal: readonly number[];
  /** Only without build_on_published_tip: results that were refused and stay in its tree. */
  readonly carried: readonly { readonly base: Copy; readonly result: Copy }[];
}

export interface Update {
  /** `main`, or a claim's key. */
  readonly ref: string;
  /** The object it must be now; null: none; any: forced. */
  readonly from: number | null | 'any';
  readonly to: number | null;
}

export interface Push {
  readonly updates: readonly Update[];
  readonly news: News;
}

/** What the checks learn when a push lands. No host reads it. */
export interface News {
  /** A run whose claim must be held for it to count. */
  readonly accepts?: { readonly run: string; readonly key: string; readonly claim: number };
  /** Messages that a worker moves, and from where. */
  readonly moves?: readonly { readonly birth: string; readonly from: string }[];
  /** Runs that come to main. */
  readonly runs?: readonly string[];
  /** A person's word on a message: its place from now on, or none. */
  readonly word?: { readonly birth: string; readonly place: string | null };
}

/** What the checks remember. */
export interface Ghost {
  /** Everything that people wrote, and every run that was accepted. */
  readonly written: readonly string[];
  /** What a person has deleted, knowing it. */
  readonly gone: readonly string[];
  /** Message → the run that completed it, until a person says otherwise. */
  readonly finished: Readonly<Record<string, string>>;
  /** Message → where a person has put it, until a worker took it from there. */
  readonly word: Readonly<Record<string, string>>;
  /** Messages that a person has moved or deleted; twice: more than once. */
  readonly touched: { readonly once: readonly string[]; readonly twice: readonly string[] };
  readonly fault: string | null;
}

/** How often each thing may still happen. */
export interface Budget {
  readonly claims: number;
  readonly people: number;
  readonly local: number;
  readonly ticks: number;
  readonly renewals: number;
  readonly crashes: number;
  readonly lost: number;
  readonly failures: number;
}

export interface State {
  readonly remote: Refs;
  readonly hosts: Readonly<Record<string, Host>>;
  /** Pushes whose sender has heard nothing: they land later, or never. */
  readonly flying: readonly Push[];
  readonly budget: Budget;
  readonly ghost: Ghost;
  readonly nonce: number;
}

export interface Next {
  readonly label: string;
  readonly state: State;
}

export function firstState(world: World): State {
  const { files, hosts, budget } = world.scenario;
  const main = world.objects.commits.put({ parent: null, tree: files });
  const host: Host = {
    picture: { main, claims: {} },
    watched: {},
    half: null,
    work: null,
    local: null,
    journal: [],
    carried: [],
  };
  return {
    remote: { main, claims: {} },
    hosts: Object.fromEntries(hosts.map((name) => [name, host])),
    flying: [],
    budget,
    ghost: {
      written: copiesOf(files)
        .flatMap(({ file }) => file.text)
        .sort(),
      gone: [],
      finished: {},
      word: {},
      touched: { once: [], twice: [] },
      fault: null,
    },
    nonce: 0,
  };
}

export function hostOf(state: State, name: string): Host {
  const host = state.hosts[name];
  if (host === undefined) throw new Error(`found no host ${name}`);
  return host;
}

export function withHost(state: State, name: string, change: Partial<Host>): State {
  return { ...state, hosts: { ...state.hosts, [name]: { ...hostOf(state, name), ...change } } };
}

export function withWork(state: State, name: string, change: Partial<Work>): State {
  const { work } = hostOf(state, name);
  return work === null ? state : withHost(state, name, { work: { ...work, ...change } });
}

export function withGhost(state: State, change: Partial<Ghost>): State {
  return { ...state, ghost: { ...state.ghost, ...change } };
}

export function spend(state: State, what: keyof Budget): State {
  return { ...state, budget: { ...state.budget, [what]: state.budget[what] - 1 } };
}

/** The refs with one set or, by null, deleted; claims sorted by key. */
export function withRef(refs: Refs, ref: string, to: number | null): Refs {
  if (ref === 'main') return { ...refs, main: to ?? refs.main };
  const others = Object.entries(refs.claims).filter(([key]) => key !== ref);
  if (to !== null) others.push([ref, to]);
  return { ...refs, claims: Object.fromEntries(others.sort(([a], [b]) => (a < b ? -1 : 1))) };
}

export function treeOf(world: World, commit: number): Tree {
  return world.objects.commits.get(commit).tree;
}

/** The ref under which a host claims this message. */
export function claimKey(world: World, host: string, { path, file }: Copy): string {
  if (file.id !== null) return file.id;
  const [box, , name] = path.split('/');
  return world.rules.key_without_id ? `${box}/${name}` : `${host}'s ${box}/${name}`;
}

export function remember(ghost: Ghost, ...words: readonly string[]): Ghost {
  return { ...ghost, written: union(ghost.written, words) };
}
