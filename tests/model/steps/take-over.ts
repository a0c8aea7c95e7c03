/**
 * Step 7: a claim watched as the same object for a lease is taken over. A host's own claim, found after a crash or a
 * stopped run, needs no watching: it is known by the journal, and made new in the same way.
 */
import { treeSeen } from '../picture.js';
import { send } from '../remote.js';
import { locate } from '../merge.js';
import { hostOf, LEASE, type Next, type Push, spend, type State, withGhost, withHost, type World } from '../state.js';
import { won } from './claim.js';
import { waitingFor } from './look.js';
import { isOutdated } from './run.js';
import { inDoubt, journal, lose } from './work.js';

export function takeOver(world: World, state: State, name: string): Next[] {
  const { work, picture, watched, journal: known } = hostOf(state, name);
  if (work !== null || state.budget.claims === 0) return [];
  return Object.entries(picture.claims).flatMap(([key, id]) => {
    const claim = world.objects.claims.get(id);
    if (claim.done !== null && world.rules.done_never_expires) return [];
    if (known.includes(id) && claim.done === null) return swap(world, state, name, key, id, 'finds its own claim');
    if ((watched[key] ?? 0) < LEASE) return [];
    const waited =
      claim.host !== name || claim.done !== null
        ? state
        : withGhost(state, { fault: `${name} waits for its own claim to expire` });
    return swap(world, waited, name, key, id, 'takes over');
  });
}

/** The holder itself, its lease over, its run stopped or its claim made from an old epoch, begins anew under its own claim. */
export function beginAnew(world: World, state: State, name: string): Next[] {
  const { work } = hostOf(state, name);
  if (work === null || work.doubt || state.budget.claims === 0) return [];
  const base = work.at === 'won' && work.looked ? waitingFor(world, state, name) : null;
  const outdated = base !== null && isOutdated(world, work, base);
  const over = work.at === 'won' && work.age >= LEASE && world.rules.check_lease_before_spawn;
  return over || outdated || work.at === 'stopped'
    ? swap(world, state, name, work.key, work.claim, 'begins anew under')
    : [];
}

function swap(world: World, state: State, name: string, key: string, id: number, how: string): Next[] {
  const old = world.objects.claims.get(id);
  const now = locate(treeSeen(world, state, name), old.base, world.rules) ?? old.base;
  const epoch = world.rules.epoch_grows ? Math.max(old.epoch, now.file.epoch) + 1 : 1;
  const nonce = state.nonce + 1;
  const mine = world.objects.claims.put({ host: name, epoch, nonce, base: now, done: null });
  const from = world.rules.take_over_by_compare_and_swap ? id : ('any' as const);
  const push: Push = { updates: [{ ref: key, from, to: mine }], news: {} };
  const before = journal(world, spend({ ...state, nonce }, 'claims'), name, mine);
  const trouble = (next: State): State => {
    if (!world.rules.decide_by_reading) return lose(world, next, name);
    const work = won(key, mine);
    if (old.host !== name) return inDoubt(next, name, work);
    // The old claim may still stand, with its old age.
    const age = world.rules.lease_from_accepted_push ? (hostOf(state, name).work?.age ?? LEASE) : 0;
    return inDoubt(next, name, { ...work, age, tried: { ...work.tried, claims: [id, mine] } });
  };
  return send(world, before, name, push, `${how} ${key}, epoch ${epoch}`, {
    accepted: (next) => withHost(journal(world, next, name, mine, 'answered'), name, { work: won(key, mine) }),
    refused: trouble,
    unheard: trouble,
  });
}
