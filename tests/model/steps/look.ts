/** Fetching, and step 2: after winning, look again with a new fetch, and give back what no longer waits. */
import { waitingIn } from '../picture.js';
import { send } from '../remote.js';
import { hostOf, type Next, type Refs, type State, type Work, withHost, type World } from '../state.js';
import type { Copy } from '../tree.js';
import { onTrouble } from './work.js';

/** A fetch reads all refs at once or, torn, main first and the claims later: git sends them in the order of names. */
export function fetch(world: World, state: State, name: string): Next[] {
  const { picture, half, work, local } = hostOf(state, name);
  if (half !== null) {
    const seen = see(state, name, { ...state.remote, main: half });
    return [{ label: `${name}: fetch reads claims`, state: withHost(seen, name, { half: null }) }];
  }
  const news = picture.main !== state.remote.main || !sameClaims(picture, state.remote);
  const asked = needsLook(work) || (local !== null && !local.looked);
  if (!news && !asked) return [];
  if (!world.scenario.tornFetch) return [{ label: `${name}: fetches`, state: see(state, name, state.remote) }];
  return [{ label: `${name}: fetch reads main`, state: withHost(state, name, { half: state.remote.main }) }];
}

function needsLook(work: Work | null): boolean {
  return work !== null && !work.looked && (work.doubt !== false || work.at === 'won');
}

function sameClaims(a: Refs, b: Refs): boolean {
  const keys = Object.keys(a.claims);
  return keys.length === Object.keys(b.claims).length && keys.every((key) => a.claims[key] === b.claims[key]);
}

function see(state: State, name: string, picture: Refs): State {
  const { watched, work, local, picture: old } = hostOf(state, name);
  const kept = Object.entries(watched).filter(([key]) => picture.claims[key] === old.claims[key]);
  return withHost(state, name, {
    picture,
    watched: Object.fromEntries(kept.filter(([key]) => picture.claims[key] !== undefined)),
    work: work !== null && needsLook(work) ? { ...work, looked: true } : work,
    local: local === null ? null : { ...local, looked: true },
  });
}

/** What the claim that was won is for, if it still waits in the picture. */
export function waitingFor(world: World, state: State, name: string): Copy | null {
  const { work, picture } = hostOf(state, name);
  return waitingIn(world, picture, name).find(({ key }) => key === work?.key)?.copy ?? null;
}

export function giveBack(world: World, state: State, name: string): Next[] {
  const { work } = hostOf(state, name);
  if (work === null || work.at !== 'won' || work.doubt || !work.looked) return [];
  if (waitingFor(world, state, name) !== null) return [];
  const push = { updates: [{ ref: work.key, from: work.claim, to: null }], news: {} };
  const trouble = onTrouble(world, name, work);
  return send(world, state, name, push, `looked again: ${work.key} does not wait, gives it back`, {
    accepted: (next) => withHost(next, name, { work: null }),
    refused: trouble,
    unheard: trouble,
  });
}
