/** Step 1: an idle host claims what waits in its picture, showing it in in_progress with the claim if it likes. */
import { waitingIn } from '../picture.js';
import { send } from '../remote.js';
import { hostOf, type Next, spend, type State, type Work, withHost, type World } from '../state.js';
import { birthOf, type Copy } from '../tree.js';
import { shownCopy, showUpdate } from './show.js';
import { inDoubt, journal, lose } from './work.js';

export function claim(world: World, state: State, name: string): Next[] {
  const host = hostOf(state, name);
  if (host.work !== null || state.budget.claims === 0) return [];
  return waitingIn(world, host.picture, name)
    .filter(({ key }) => host.picture.claims[key] === undefined)
    .flatMap(({ key, copy }) => [
      ...claimOne(world, state, name, key, copy, false),
      ...(world.scenario.shows && copy.file.id !== null ? claimOne(world, state, name, key, copy, true) : []),
    ]);
}

function claimOne(world: World, state: State, name: string, key: string, copy: Copy, shows: boolean): Next[] {
  const epoch = world.rules.epoch_grows ? copy.file.epoch + 1 : 1;
  const nonce = state.nonce + 1;
  const base = shows ? shownCopy(copy, epoch, copy.file.id ?? '') : copy;
  const id = world.objects.claims.put({ host: name, epoch, nonce, base, done: null });
  const before = journal(world, spend({ ...state, nonce }, 'claims'), name, id);
  const updates = [{ ref: key, from: null, to: id }];
  const moves = [{ birth: birthOf(copy.file), from: copy.path }];
  const push = shows
    ? { updates: [...updates, showUpdate(world, state, name, copy, base)], news: { moves } }
    : { updates, news: {} };
  const label = `claims ${birthOf(copy.file)} under ${key}, epoch ${epoch}${shows ? ', and shows it in_progress' : ''}`;
  return send(world, before, name, push, label, {
    accepted: (next) => withHost(journal(world, next, name, id, 'answered'), name, { work: won(key, id) }),
    refused: (next) => (world.rules.decide_by_reading ? inDoubt(next, name, won(key, id)) : lose(world, next, name)),
    unheard: (next) => (world.rules.decide_by_reading ? inDoubt(next, name, won(key, id)) : lose(world, next, name)),
  });
}

/** A claim that was just won, or may have been. */
export function won(key: string, id: number): Work {
  const tried = { claims: [id], commits: [] };
  return { key, claim: id, tried, age: 0, at: 'won', looked: false, doubt: false, base: null, result: null };
}
