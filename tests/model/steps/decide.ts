/** Step 9: after any refusal or unknown outcome, what the remote shows decides. */
import { newRun } from '../objects.js';
import { hostOf, type Next, type State, type Work, withHost, withWork, type World } from '../state.js';
import { lose } from './work.js';

export function decide(world: World, state: State, name: string): Next[] {
  const { work, picture } = hostOf(state, name);
  if (work === null || !work.doubt || !work.looked) return [];
  if (isPublished(world, work, picture.main)) {
    return [{ label: `${name}: reads that its result is on main`, state: withHost(state, name, { work: null }) }];
  }
  const own = Object.entries(picture.claims).find(([, id]) => work.tried.claims.includes(id));
  if (own !== undefined) return [goOn(world, state, name, work, own)];
  if (world.rules.second_look_before_lost && work.doubt !== 'gone') {
    const again = withWork(state, name, { doubt: 'gone', looked: false });
    return [{ label: `${name}: finds ${work.key} not its own, and will look once more`, state: again }];
  }
  return [{ label: `${name}: reads that its lease is lost`, state: lose(world, state, name) }];
}

/** By a commit of its own; or, folded by anyone, by its run in whatever main has held. */
function isPublished(world: World, { tried, base, result }: Work, main: number): boolean {
  const { objects, rules } = world;
  if (tried.commits.some((commit) => objects.isAncestor(commit, main))) return true;
  const run = newRun(base, result);
  return run !== undefined && rules.folded_result_is_known && objects.hasHeld(main, run);
}

function goOn(world: World, state: State, name: string, work: Work, [key, id]: [string, number]): Next {
  const claim = world.objects.claims.get(id);
  if (claim.done !== null) {
    return { label: `${name}: reads that its done claim stands`, state: withHost(state, name, { work: null }) };
  }
  const base = id === work.claim || work.base === null ? work.base : claim.base;
  const next = withWork(state, name, { key, claim: id, base, doubt: false, looked: false });
  return { label: `${name}: reads that ${key} is its own`, state: next };
}
