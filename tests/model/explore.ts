/** The explorer: breadth first until every state was seen or the cap is reached, or seeded random walks. */
import { findFaultNow, findFaultSettled } from './invariants.js';
import { Objects } from './objects.js';
import { type Rules, rulesWithout } from './rules.js';
import type { Scenario } from './scenarios.js';
import { firstState, type State, type World } from './state.js';
import { nextStates } from './steps/all.js';

export interface Outcome {
  readonly states: number;
  readonly steps: number;
  readonly depth: number;
  readonly seconds: number;
  readonly end: 'exhausted' | 'capped' | 'violation';
  /** What was violated, and the shortest way there (of a walk: the way it went). */
  readonly violation: string | null;
  readonly trace: readonly string[];
}

export function explore(scenario: Scenario, cap: number, rules: Rules = rulesWithout()): Outcome {
  const begun = performance.now();
  const world: World = { scenario, rules, objects: new Objects() };
  const keys = new Keys();
  const check = createCheck(world, keys);
  const first = firstState(world);
  const seen = new Set([keys.of(first)]);
  const came: { from: number; label: string }[] = [{ from: -1, label: '' }];
  let steps = 0;
  let depth = 0;
  const outcome = (end: Outcome['end'], violation: string | null = null, trace: string[] = []): Outcome => {
    const seconds = (performance.now() - begun) / 1_000;
    return { states: seen.size, steps, depth, seconds, end, violation, trace };
  };
  let level = [{ state: first, at: 0 }];
  while (level.length > 0) {
    const following: typeof level = [];
    for (const { state, at } of level) {
      for (const next of nextStates(world, state)) {
        steps++;
        const key = keys.of(next.state);
        if (seen.has(key)) continue;
        seen.add(key);
        const index = came.push({ from: at, label: next.label }) - 1;
        const fault = check(next.state);
        if (fault !== null) {
          depth++;
          return outcome('violation', fault, traceTo(came, index));
        }
        if (seen.size >= cap) return outcome('capped');
        following.push({ state: next.state, at: index });
      }
    }
    level = following;
    if (level.length > 0) depth++;
  }
  return outcome('exhausted');
}

function traceTo(came: readonly { from: number; label: string }[], index: number): string[] {
  const trace: string[] = [];
  for (let at = came[index]; at !== undefined && at.from >= 0; at = came[at.from]) trace.unshift(at.label);
  return trace;
}

/** Walks from the beginning, each step drawn by `below`, until nothing can happen any more. */
export function walk(scenario: Scenario, walks: number, below: (n: number) => number, rules = rulesWithout()): Outcome {
  const begun = performance.now();
  const seen = new Set<string>();
  let steps = 0;
  let depth = 0;
  for (let i = 0; i < walks; i++) {
    const world: World = { scenario, rules, objects: new Objects() };
    const check = createCheck(world, new Keys());
    const trace: string[] = [];
    let state = firstState(world);
    for (;;) {
      const all = nextStates(world, state);
      const next = all[below(all.length)];
      if (next === undefined) break;
      ({ state } = next);
      trace.push(next.label);
      steps++;
      depth = Math.max(depth, trace.length);
      const violation = check(state);
      const seconds = (performance.now() - begun) / 1_000;
      if (violation !== null) return { states: seen.size, steps, depth, seconds, end: 'violation', violation, trace };
    }
    seen.add(trace.join('\n'));
  }
  const seconds = (performance.now() - begun) / 1_000;
  return { states: seen.size, steps, depth, seconds, end: 'capped', violation: null, trace: [] };
}

/** Both kinds of invariants; the settled ones once for each picture that they depend on. */
function createCheck(world: World, keys: Keys): (state: State) => string | null {
  const known = new Map<string, string | null>();
  return (state) => {
    const now = findFaultNow(state, world);
    if (now !== null) return now;
    const locals = Object.values(state.hosts).map(({ local }) => (local === null ? '' : keys.part(local)));
    const key = `${keys.part(state.remote)} ${keys.part(state.ghost)} ${locals.join(' ')}`;
    let settled = known.get(key);
    if (settled === undefined) known.set(key, (settled = findFaultSettled(world, state)));
    return settled;
  };
}

/** Short, exact keys: each part of a state has a number, found again by its object or by its content. */
class Keys {
  readonly #byObject = new WeakMap<object, number>();
  readonly #byContent = new Map<string, number>();

  part(part: object): number {
    const known = this.#byObject.get(part);
    if (known !== undefined) return known;
    const content = JSON.stringify(part);
    const number = this.#byContent.get(content) ?? this.#byContent.size;
    this.#byContent.set(content, number);
    this.#byObject.set(part, number);
    return number;
  }

  of({ remote, hosts, flying, budget, ghost, nonce }: State): string {
    let key = `${nonce} ${this.part(remote)} ${this.part(flying)} ${this.part(budget)} ${this.part(ghost)}`;
    for (const host of Object.values(hosts)) key += ` ${this.part(host)}`;
    return key;
  }
}
