/** Steps 5 and 6: publish the result on main and release the claim in one push, or put it into a done claim. */
import { mergeResult } from '../merge.js';
import { newRun } from '../objects.js';
import { treeSeen } from '../picture.js';
import { send } from '../remote.js';
import { hostOf, type Next, type Push, type State, type Work, withHost, type World } from '../state.js';
import { birthOf, type Copy, type Tree } from '../tree.js';
import { journal, onTrouble, trying } from './work.js';

interface Finished extends Work {
  readonly base: Copy;
  readonly result: Copy;
}

function finished(state: State, name: string): Finished | null {
  const { work } = hostOf(state, name);
  if (work === null || work.doubt || work.at !== 'ran' || work.base === null || work.result === null) return null;
  return { ...work, base: work.base, result: work.result };
}

export function finishOnMain(world: World, state: State, name: string): Next[] {
  const work = finished(state, name);
  if (work === null || !world.scenario.finishes.includes('main')) return [];
  const { picture } = hostOf(state, name);
  const published = withCarried(world, state, name, treeSeen(world, state, name));
  const tree = mergeResult(published, work.base, work.result, world.rules);
  const commit = world.objects.commits.put({ parent: picture.main, tree });
  const main = { ref: 'main', from: picture.main, to: commit };
  const release = { ref: work.key, from: world.rules.fence ? work.claim : ('any' as const), to: null };
  const run = newRun(work.base, work.result) ?? '';
  const push: Push = {
    updates: [main, release],
    news: {
      accepts: { run, key: work.key, claim: work.claim },
      moves: [{ birth: birthOf(work.base.file), from: work.base.path }],
      runs: [run],
    },
  };
  const trouble = onTrouble(world, name, trying(work, { commit }));
  return send(world, state, name, push, `finishes ${birthOf(work.base.file)} on main`, {
    accepted: (next) => withHost(next, name, { work: null, carried: [] }),
    refused: trouble,
    unheard: trouble,
  });
}

/** Without build_on_published_tip: its own tree still has the results that were refused. */
export function withCarried(world: World, state: State, name: string, tree: Tree): Tree {
  return hostOf(state, name).carried.reduce(
    (all, { base, result }) => mergeResult(all, base, result, world.rules),
    tree,
  );
}

export function finishAsDone(world: World, state: State, name: string): Next[] {
  const work = finished(state, name);
  if (work === null || !world.scenario.finishes.includes('done')) return [];
  const old = world.objects.claims.get(work.claim);
  const nonce = state.nonce + 1;
  const id = world.objects.claims.put({ ...old, nonce, base: work.base, done: work.result });
  const push: Push = {
    updates: [{ ref: work.key, from: work.claim, to: id }],
    news: { accepts: { run: newRun(work.base, work.result) ?? '', key: work.key, claim: work.claim } },
  };
  const trouble = onTrouble(world, name, trying(work, { claim: id }));
  const before = journal(world, { ...state, nonce }, name, id);
  return send(world, before, name, push, `makes ${work.key} a done claim with the result`, {
    accepted: (next) => withHost(journal(world, next, name, id, 'answered'), name, { work: null }),
    refused: trouble,
    unheard: trouble,
  });
}
