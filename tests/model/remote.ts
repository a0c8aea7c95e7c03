/** A push to the remote: an atomic list of compare-and-swaps, and what its sender hears of it. */
import {
  type Ghost,
  hostOf,
  type Next,
  type Push,
  type Refs,
  remember,
  spend,
  type State,
  treeOf,
  withHost,
  withRef,
  type World,
} from './state.js';
import { birthOf, copiesOf, splitPath } from './tree.js';

export interface Answers {
  /** What the sender makes of a push that landed. */
  readonly accepted: (state: State) => State;
  readonly refused: (state: State) => State;
  /** It hears nothing: the push is still on its way, and lands later or never. */
  readonly unheard: (state: State) => State;
}

export function send(world: World, state: State, name: string, push: Push, label: string, answers: Answers): Next[] {
  const landed = land(world, state, push);
  const heard =
    landed === null
      ? { label: `${name}: ${label}: refused`, state: answers.refused(state) }
      : { label: `${name}: ${label}`, state: answers.accepted(seeOwn(landed, name, push)) };
  if (state.budget.lost === 0) return [heard];
  const flying = spend({ ...state, flying: [...state.flying, push] }, 'lost');
  return [heard, { label: `${name}: ${label}: hears no answer`, state: answers.unheard(flying) }];
}

/** The remote after the push, or null when it refuses: all of it or nothing. */
export function land(world: World, state: State, push: Push): State | null {
  // As in git: a ref whose object does not change is not sent, and so not checked.
  const sent = push.updates.filter(({ from, to }) => from !== to);
  for (const { ref, from } of sent) if (from !== 'any' && valueOf(state.remote, ref) !== from) return null;
  let remote = state.remote;
  for (const { ref, to } of sent) remote = withRef(remote, ref, to);
  return { ...state, remote, ghost: learn(world, state, remote, push) };
}

function valueOf(refs: Refs, ref: string): number | null {
  return ref === 'main' ? refs.main : (refs.claims[ref] ?? null);
}

/** Git moves the sender's own picture of what it pushed. */
function seeOwn(state: State, name: string, push: Push): State {
  const host = hostOf(state, name);
  let { picture } = host;
  const watched = { ...host.watched };
  for (const { ref, to } of push.updates) {
    picture = withRef(picture, ref, to);
    delete watched[ref];
  }
  return withHost(state, name, { picture, watched });
}

function learn(world: World, state: State, remote: Refs, { news }: Push): Ghost {
  let { ghost } = state;
  const { accepts, moves = [], runs = [], word } = news;
  if (accepts !== undefined && state.remote.claims[accepts.key] === accepts.claim) ghost = remember(ghost, accepts.run);
  for (const { birth, from } of moves) {
    if (ghost.word[birth] === from) ghost = { ...ghost, word: without(ghost.word, birth) };
  }
  const copies = runs.length > 0 ? copiesOf(treeOf(world, remote.main)) : [];
  for (const run of runs) {
    const copy = copies.find(({ file }) => file.runs.includes(run));
    if (copy === undefined || splitPath(copy.path).folder !== 'complete') continue;
    const birth = birthOf(copy.file);
    if (ghost.finished[birth] !== undefined) ghost = { ...ghost, fault: `${birth} is finished twice` };
    ghost = { ...ghost, finished: set(ghost.finished, birth, run) };
  }
  if (word !== undefined) {
    const { birth, place } = word;
    const others = without(ghost.word, birth);
    ghost = { ...ghost, finished: without(ghost.finished, birth), word: place ? set(others, birth, place) : others };
  }
  return ghost;
}

function without(record: Readonly<Record<string, string>>, key: string): Record<string, string> {
  return Object.fromEntries(Object.entries(record).filter(([other]) => other !== key));
}

function set(record: Readonly<Record<string, string>>, key: string, value: string): Record<string, string> {
  const entries = Object.entries(without(record, key));
  return Object.fromEntries([...entries, [key, value] as [string, string]].sort(([a], [b]) => (a < b ? -1 : 1)));
}
