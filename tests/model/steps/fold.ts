/** Step 6, for all: anyone folds the done claims it sees into main, in one push that also deletes them. */
import { mergeResult } from '../merge.js';
import { treeSeen } from '../picture.js';
import { send } from '../remote.js';
import { type Claim, newRun } from '../objects.js';
import { hostOf, type Next, type Push, type State, type World } from '../state.js';
import { birthOf, copiesOf, type Tree } from '../tree.js';
import { withCarried } from './finish.js';

const ignore = (state: State): State => state;
/** A fold whose fate is unknown needs no memory: a repeat is refused. */
const nothing = { accepted: ignore, refused: ignore, unheard: ignore };

interface Done extends Claim {
  readonly key: string;
  readonly id: number;
  readonly run: string;
}

function doneClaims(world: World, state: State, name: string): Done[] {
  return Object.entries(hostOf(state, name).picture.claims).flatMap(([key, id]) => {
    const claim = world.objects.claims.get(id);
    const run = newRun(claim.base, claim.done);
    return run === undefined ? [] : [{ ...claim, key, id, run }];
  });
}

export function foldDone(world: World, tree: Tree, claims: readonly Pick<Claim, 'base' | 'done'>[]): Tree {
  return claims.reduce(
    (all, { base, done }) => (done === null ? all : mergeResult(all, base, done, world.rules)),
    tree,
  );
}

export function fold(world: World, state: State, name: string): Next[] {
  const done = doneClaims(world, state, name);
  if (done.length === 0) return [];
  const { main } = hostOf(state, name).picture;
  const before = withCarried(world, state, name, treeSeen(world, state, name));
  const tree = foldDone(world, before, done);
  const whole = world.rules.fold_releases_with_main;
  if (!whole && JSON.stringify(tree) === JSON.stringify(before)) return clear(world, state, name, done);
  // A repeat moves nothing, as far as people know.
  const fresh = done.filter(({ run }) => !world.objects.hasHeld(main, run));
  const release = done.map(({ key, id }) => ({ ref: key, from: id, to: null }));
  const push: Push = {
    updates: [
      { ref: 'main', from: main, to: world.objects.commits.put({ parent: main, tree }) },
      ...(whole ? release : []),
    ],
    news: {
      moves: fresh.map(({ base }) => ({ birth: birthOf(base.file), from: base.path })),
      runs: fresh.map(({ run }) => run),
    },
  };
  return send(world, state, name, push, `folds ${done.map(({ key }) => key).join(', ')} into main`, nothing);
}

/** Without fold_releases_with_main: the claims that main has are deleted by a push of their own. */
function clear(world: World, state: State, name: string, done: readonly Done[]): Next[] {
  const seen = copiesOf(treeSeen(world, state, name)).flatMap(({ file }) => file.runs);
  return done
    .filter(({ run }) => seen.includes(run))
    .flatMap(({ key, id }) => {
      const push: Push = { updates: [{ ref: key, from: id, to: null }], news: {} };
      return send(world, state, name, push, `deletes the folded claim ${key}`, nothing);
    });
}
