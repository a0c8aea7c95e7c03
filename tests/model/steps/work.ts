/** What every push of a worker has in common: ids on disk first, doubt after a refusal, and giving up. */
import { newRun } from '../objects.js';
import { hostOf, type State, withGhost, withHost, type Work, withWork, type World } from '../state.js';

/** Writes a claim's id to disk: before its push; without the rule, when it was answered. */
export function journal(
  world: World,
  state: State,
  name: string,
  id: number,
  when: 'before' | 'answered' = 'before',
): State {
  if ((when === 'before') !== world.rules.journal_before_push) return state;
  const known = hostOf(state, name).journal;
  return known.includes(id) ? state : withHost(state, name, { journal: [...known, id].sort((a, b) => a - b) });
}

export function inDoubt(state: State, name: string, work: Work): State {
  return withHost(state, name, { work: { ...work, doubt: true, looked: false } });
}

/** The work with one more object that it tries to push. */
export function trying(work: Work, what: { claim?: number; commit?: number }): Work {
  const { claims, commits } = work.tried;
  const add = (list: readonly number[], id: number | undefined): readonly number[] =>
    id === undefined || list.includes(id) ? list : [...list, id];
  return { ...work, tried: { claims: add(claims, what.claim), commits: add(commits, what.commit) } };
}

/** Holds its lease for lost: what it produced is kept beside, outside what is published. */
export function lose(world: World, state: State, name: string): State {
  const { work, carried } = hostOf(state, name);
  let next = withHost(state, name, { work: null });
  if (work === null || work.result === null || work.base === null) return next;
  if (state.remote.claims[work.key] === work.claim) {
    next = withGhost(next, { fault: `${name} gives up a result whose claim is its own` });
  }
  const run = newRun(work.base, work.result) ?? '';
  if (state.ghost.written.includes(run))
    next = withGhost(next, { fault: `${name} takes its published result for lost` });
  if (world.rules.build_on_published_tip) return next;
  return withHost(next, name, { carried: [...carried, { base: work.base, result: work.result }] });
}

/** What the sender of a worker's push makes of a refusal or of silence. */
export function onTrouble(world: World, name: string, work: Work): (state: State) => State {
  return (state) =>
    world.rules.decide_by_reading
      ? inDoubt(state, name, work)
      : lose(world, withWork(state, name, { doubt: false }), name);
}
