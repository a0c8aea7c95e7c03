/** Everything that can happen next. A new step is one line here. */
import { hostOf, type Next, type State, type World } from '../state.js';
import { claim } from './claim.js';
import { decide } from './decide.js';
import { crash, lateLanding, timePasses } from './faults.js';
import { finishAsDone, finishOnMain } from './finish.js';
import { fold } from './fold.js';
import { fetch, giveBack } from './look.js';
import { bring, peopleOnHost, peopleOnMain } from './people.js';
import { renew } from './renew.js';
import { end, run } from './run.js';
import { beginAnew, takeOver } from './take-over.js';

const OF_THE_WORLD = [lateLanding, timePasses, peopleOnMain];
const OF_A_HOST = [claim, giveBack, run, renew, end, finishOnMain, finishAsDone, decide, takeOver, beginAnew];
const OF_ITS_TREE = [fold, bring, peopleOnHost, crash];

export function nextStates(world: World, state: State): Next[] {
  const all: Next[] = [];
  for (const step of OF_THE_WORLD) all.push(...step(world, state));
  for (const name of world.scenario.hosts) {
    all.push(...fetch(world, state, name));
    // One fetch at a time: a host that has read half of the refs reads the others next.
    if (hostOf(state, name).half !== null) continue;
    for (const step of OF_A_HOST) all.push(...step(world, state, name));
    for (const step of OF_ITS_TREE) all.push(...step(world, state, name));
  }
  return all;
}
