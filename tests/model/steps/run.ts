/** Step 3: the run begins when the message was seen waiting and the lease is one's own; it ends with a result. */
import { hostOf, LEASE, type Next, spend, type State, withGhost, withWork, type Work, type World } from '../state.js';
import { birthOf, type Copy, inFolder, mintId } from '../tree.js';
import { waitingFor } from './look.js';

export function run(world: World, state: State, name: string): Next[] {
  const { work } = hostOf(state, name);
  if (work === null || work.doubt || work.at !== 'won') return [];
  if (!work.looked && world.rules.look_again) return [];
  if (work.age >= LEASE && world.rules.check_lease_before_spawn) return [];
  const base = waitingFor(world, state, name);
  if (base === null || isOutdated(world, work, base)) return [];
  const birth = birthOf(base.file);
  let next = withWork(state, name, { at: 'running', base, looked: false });
  if (state.ghost.finished[birth] !== undefined) next = withGhost(next, { fault: `${birth} is run after it finished` });
  return [{ label: `${name}: starts to run ${birth}`, state: next }];
}

/** The claim was made from an older picture: since then another run of this epoch was published. */
export function isOutdated(world: World, { claim }: Work, { file, path }: Copy): boolean {
  if (!world.rules.epoch_from_what_was_seen || !world.rules.epoch_grows) return false;
  const { epoch, base } = world.objects.claims.get(claim);
  return file.epoch >= epoch && !(base.path === path && base.file.epoch === file.epoch);
}

/** The run ends: complete, or to be tried again. */
export function end(world: World, state: State, name: string): Next[] {
  const { work } = hostOf(state, name);
  if (work === null || work.at !== 'running' || work.base === null) return [];
  const { path, file } = work.base;
  const { epoch, nonce } = world.objects.claims.get(work.claim);
  const output = `${birthOf(file)}#${epoch}@${name}${nonce}`;
  const ending = (folder: 'complete' | 'inbox'): State => {
    // `?`: not an answer yet.
    const runs = [...file.runs, folder === 'complete' ? output : `${output}?`].sort();
    const made = { ...file, id: file.id ?? mintId(name, nonce), runs, epoch };
    return withWork(state, name, { at: 'ran', result: { path: inFolder(path, folder), file: made } });
  };
  const ends = [{ label: `${name}: the run of ${birthOf(file)} ends`, state: ending('complete') }];
  if (state.budget.failures > 0) {
    ends.push({
      label: `${name}: the run of ${birthOf(file)} is to be tried again`,
      state: spend(ending('inbox'), 'failures'),
    });
  }
  return ends;
}
