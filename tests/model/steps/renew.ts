/** Step 4: compare-and-swap the own claim to a new one; with it the message may be shown in in_progress on main. */
import { isWaiting } from '../picture.js';
import { send } from '../remote.js';
import {
  hostOf,
  type Next,
  type Push,
  spend,
  type State,
  treeOf,
  type Update,
  type Work,
  withWork,
  type World,
} from '../state.js';
import { birthOf, type Copy, mintId, sameWords } from '../tree.js';
import { shownCopy, showUpdate } from './show.js';
import { journal, onTrouble, trying } from './work.js';

export function renew(world: World, state: State, name: string): Next[] {
  const { work } = hostOf(state, name);
  if (work === null || work.base === null || work.doubt || work.at !== 'running') return [];
  const plain = state.budget.renewals > 0 ? renewal(world, spend(state, 'renewals'), name, work, null) : [];
  const now = world.scenario.shows ? toShow(world, state, name, work) : null;
  return now === null ? plain : [...plain, ...renewal(world, state, name, work, now)];
}

/** The message as main has it, if nobody has touched it since the run began and main does not show it yet. */
function toShow(world: World, state: State, name: string, { base }: Work): Copy | null {
  if (base === null || !base.path.includes('/inbox/')) return null;
  const file = treeOf(world, hostOf(state, name).picture.main)[base.path];
  const untouched = file !== undefined && file.id === base.file.id && sameWords(file.text, base.file.text);
  return untouched && isWaiting(world, base.path) ? base : null;
}

function renewal(world: World, state: State, name: string, work: Work, now: Copy | null): Next[] {
  const { rules, objects } = world;
  const old = objects.claims.get(work.claim);
  const nonce = rules.renewal_new_nonce ? state.nonce + 1 : old.nonce;
  const id = work.base?.file.id ?? mintId(name, old.nonce);
  const base = now === null ? work.base : shownCopy(now, old.epoch, id);
  if (base === null) return [];
  // Without a new nonce the object is the old one.
  const claim = rules.renewal_new_nonce ? objects.claims.put({ ...old, nonce, base }) : work.claim;
  const key = now !== null && rules.minted_id_takes_claim_along ? id : work.key;
  const before = journal(world, { ...state, nonce: Math.max(state.nonce, nonce) }, name, claim);
  const after = trying({ ...work, key, claim, base, age: 0 }, { claim });
  const fenced = now === null || rules.fenced_in_progress;
  const trouble = onTrouble(world, name, fenced ? trying(work, { claim }) : work);
  const label = now === null ? `renews ${work.key}` : `shows ${birthOf(base.file)} in_progress, renewing ${work.key}`;
  const push: Push = {
    updates: [
      ...(fenced ? renewalUpdates(work, key, claim) : []),
      ...(now === null ? [] : [showUpdate(world, state, name, now, base)]),
    ],
    news: now === null ? {} : { moves: [{ birth: birthOf(base.file), from: now.path }] },
  };
  return send(world, before, name, push, fenced ? label : `shows ${birthOf(base.file)} in_progress, unfenced`, {
    accepted: (next) => withWork(journal(world, next, name, claim, 'answered'), name, fenced ? after : { base }),
    refused: fenced ? trouble : (next) => next,
    unheard: fenced ? trouble : (next) => next,
  });
}

function renewalUpdates(work: Work, key: string, claim: number): Update[] {
  if (key === work.key) return [{ ref: key, from: work.claim, to: claim }];
  return [
    { ref: work.key, from: work.claim, to: null },
    { ref: key, from: null, to: claim },
  ];
}
