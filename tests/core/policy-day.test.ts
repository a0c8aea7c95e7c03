import { describe, expect, it } from 'vitest';
import { type PolicyFacts, endOfDay, startOfDay } from '../../src/core/policy.js';
import { type Bounds, NOTHING, decide } from './policy-support.js';

describe('a daily limit', () => {
  const used = (host: Partial<typeof NOTHING>, sender: Partial<typeof NOTHING> = {}) => ({
    spentToday: { host: { ...NOTHING, ...host }, sender: { ...NOTHING, ...sender } },
  });

  it.each<[string, Bounds, Partial<PolicyFacts>, string]>([
    ['tasks', { limits: { tasks_per_day: 3 } }, used({ tasks: 3 }), 'limits.tasks_per_day'],
    ['cost', { limits: { cost_per_day: 5 } }, used({ cost_usd: 5.2 }), 'limits.cost_per_day'],
    [
      'next to nothing left',
      { limits: { cost_per_day: 0.3 } },
      used({ cost_usd: 0.1 + 0.19999 }),
      'limits.cost_per_day',
    ],
    [
      'tasks of the sender',
      { senders: { a: { tasks_per_day: 1 } } },
      used({ tasks: 9 }, { tasks: 1 }),
      'senders.a.tasks_per_day',
    ],
    [
      'cost of the sender',
      { senders: { a: { cost_per_day: 1 } } },
      used({}, { cost_usd: 1 }),
      'senders.a.cost_per_day',
    ],
  ])('holds the task until midnight: %s', (_, bounds, facts, key) => {
    const decision = decide({ from: 'a' }, bounds, facts);
    if (decision.ok || !decision.wait) throw new Error('it is not held');
    expect(decision.wait.until).toBe(new Date(2026, 10, 21).getTime());
    expect(decision.wait.key).toBe(key);
    expect(decision.wait.message).toContain(key);
    expect(decision.wait.hint).toContain('it runs after midnight');
  });

  it.each<[string, Bounds, Partial<PolicyFacts>]>([
    ['below it', { limits: { tasks_per_day: 3, cost_per_day: 5 } }, used({ tasks: 2, cost_usd: 4 })],
    ["another sender's", { senders: { b: { tasks_per_day: 1 } } }, used({ tasks: 5 }, { tasks: 5 })],
    ['no limit', {}, used({ tasks: 1e6, cost_usd: 1e6 })],
  ])('lets it run: %s', (_, bounds, facts) => {
    expect(decide({ from: 'a' }, bounds, facts).ok).toBe(true);
  });

  it('counts days from midnight to midnight', () => {
    const noon = new Date(2026, 2, 29, 12).getTime();
    expect(startOfDay(noon)).toBe(new Date(2026, 2, 29).getTime());
    expect(endOfDay(noon)).toBe(new Date(2026, 2, 30).getTime());
    expect(endOfDay(startOfDay(noon))).toBe(endOfDay(noon));
    expect(endOfDay(new Date(2026, 11, 31, 23, 59, 59, 999).getTime())).toBe(new Date(2027, 0, 1).getTime());
  });
});
