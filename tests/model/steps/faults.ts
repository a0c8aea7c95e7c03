/** What the world does: time passes, hosts crash, pushes whose sender has stopped listening land after all. */
import { land } from '../remote.js';
import { hostOf, type Host, LEASE, type Next, spend, type State, type Work, withHost, type World } from '../state.js';

export function timePasses(world: World, state: State): Next[] {
  if (state.budget.ticks === 0) return [];
  const hosts = Object.entries(state.hosts).map(([name, host]) => [name, older(world, host)] as const);
  return [{ label: 'half a lease passes', state: spend({ ...state, hosts: Object.fromEntries(hosts) }, 'ticks') }];
}

function older(world: World, host: Host): Host {
  const watched = Object.keys(host.picture.claims).map((key) => [key, Math.min(LEASE, (host.watched[key] ?? 0) + 1)]);
  return { ...host, watched: Object.fromEntries(watched), work: host.work && olderWork(world, host.work) };
}

function olderWork(world: World, work: Work): Work {
  const age = Math.min(LEASE, work.age + 1);
  const over = age >= LEASE && work.at === 'running' && world.rules.stop_at_lease_end;
  return over ? { ...work, age, at: 'stopped', doubt: true, looked: false } : { ...work, age };
}

/** The daemon dies, and the watchdog ends its run; a restart knows the working tree, the journal and git's refs. */
export function crash(world: World, state: State, name: string): Next[] {
  const { work, local } = hostOf(state, name);
  if (state.budget.crashes === 0 || (work === null && local === null)) return [];
  const forgotten = local !== null && !world.rules.journal_before_push ? { ...local, tried: [] } : local;
  const next = withHost(spend(state, 'crashes'), name, { work: null, half: null, watched: {}, local: forgotten });
  return [{ label: `${name}: crashes and starts again`, state: next }];
}

export function lateLanding(world: World, state: State): Next[] {
  return state.flying.map((push, i) => {
    const left = { ...state, flying: state.flying.filter((_, j) => j !== i) };
    const landed = land(world, left, push);
    return { label: `network: a late push ${landed === null ? 'is refused' : 'lands'}`, state: landed ?? left };
  });
}
