/** The protocol's model, explored: nothing is violated with all rules, and something is without each one of them. */
import { describe, expect, it } from 'vitest';
import { createRandom } from '../faults/random.js';
import { print } from '../support/print.js';
import { explore, type Outcome, walk } from './explore.js';
import { CLOCKS_NEEDED, NEEDED } from './needed.js';
import { RULE_NAMES, RULES, rulesWithout } from './rules.js';
import { SCENARIOS } from './scenarios.js';
import { CLOCK_RULE_NAMES, CLOCK_RULES, type Clocks, clockRulesWithout, exploreClocks } from './time.js';

/** Most states to see in each scenario; `npm run check -- properties` asks for 40,000, a campaign for more. */
const CAP = Number(process.env['MAILBOXD_MODEL_STATES'] ?? 5_000);
const SEED = Number(process.env['MAILBOXD_MODEL_SEED'] ?? 1);
const WALKS = Math.ceil(CAP / 200);
/** A rule's absence must show within this, whatever the cap is, ms and states. */
const timeout = 120_000 + CAP;
const ENOUGH = 100_000;

const { all, ...small } = SCENARIOS;

function tell(name: string, { states, steps, depth, seconds, end, violation, trace }: Outcome): void {
  const counts = `${states} states, ${steps} steps, depth ${depth}, ${seconds.toFixed(1)} s`;
  print(`  model ${name}: ${counts}: ${violation === null ? end : `${violation} (${trace.length} steps)`}`);
}

/** What a red test shows: what was violated, and how to get there. */
function story({ violation, trace }: Outcome): string {
  return violation === null ? '' : [violation, ...trace.map((label, i) => `${i + 1}. ${label}`)].join('\n');
}

describe('with all rules', { timeout }, () => {
  it.each(Object.entries(small))('nothing is violated: %s', (name, scenario) => {
    const outcome = explore(scenario, CAP);
    tell(`${name} (${scenario.about})`, outcome);
    expect(story(outcome)).toBe('');
    expect(outcome.states).toBeGreaterThan(500);
  });

  it('nothing is violated in random walks of everything together', () => {
    const outcome = walk(all, WALKS, createRandom(SEED).below);
    tell(`all, ${WALKS} walks, seed ${SEED} (${all.about})`, outcome);
    expect(story(outcome)).toBe('');
    expect(outcome.states).toBe(WALKS);
  });
});

describe('without one rule', { timeout }, () => {
  it.each(RULE_NAMES)('something is violated: %s', (rule) => {
    const outcome = explore(SCENARIOS[NEEDED[rule]], ENOUGH, rulesWithout(rule));
    tell(`without ${rule}, ${NEEDED[rule]}`, outcome);
    expect(outcome.violation, `nobody needs that ${RULES[rule]}`).not.toBeNull();
  });
});

describe('leases and clocks', { timeout }, () => {
  const cases: Clocks[] = [{}, ...Object.values(CLOCKS_NEEDED), { skew: 3, slow: true, drift: true, setBack: true }];

  it.each(cases.map((clocks) => [JSON.stringify(clocks), clocks] as const))('never two at work: %s', (name, clocks) => {
    const { states, trace } = exploreClocks(clockRulesWithout(), clocks);
    print(`  model clocks ${name}: ${states} states: ${trace === null ? 'exhausted' : 'violation'}`);
    expect(trace).toBeNull();
  });

  it.each(CLOCK_RULE_NAMES)('two at work without %s', (rule) => {
    const { states, trace } = exploreClocks(clockRulesWithout(rule), CLOCKS_NEEDED[rule]);
    print(`  model clocks without ${rule}: ${states} states: two at work after ${trace?.length ?? 'no'} steps`);
    expect(trace, `nobody needs to ${CLOCK_RULES[rule]}`).not.toBeNull();
  });
});
