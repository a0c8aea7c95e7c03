/** A host, and what it answers to a message. */
import { type Config, type Limits, defaultConfig } from '../../src/core/config.js';
import type { MessageFields } from '../../src/core/message.js';
import { type PolicyFacts, decidePolicy } from '../../src/core/policy.js';

export const NOTHING = { cost_usd: 0, tasks: 0 };
const FACTS: PolicyFacts = {
  now: new Date(2026, 10, 20, 15, 30).getTime(),
  sessionOwner: () => undefined,
  spentToday: { host: NOTHING, sender: NOTHING },
  home: '/home/ada',
};

export interface Bounds {
  allow?: Partial<Config['allow']>;
  limits?: Partial<Limits>;
  senders?: Config['senders'];
  runner?: string;
}

export function configOf({ allow = {}, limits = {}, ...rest }: Bounds = {}): Config {
  const config = defaultConfig({ host: 'build-2', key: 'k' });
  return { ...config, ...rest, allow: { ...config.allow, ...allow }, limits: { ...config.limits, ...limits } };
}

export function decide(fields: MessageFields, bounds: Bounds = {}, facts: Partial<PolicyFacts> = {}) {
  return decidePolicy(fields, 'server', configOf(bounds), { ...FACTS, ...facts });
}

export function granted(fields: MessageFields, bounds: Bounds = {}, facts: Partial<PolicyFacts> = {}) {
  const decision = decide(fields, bounds, facts);
  if (!decision.ok) throw new Error(decision.error?.message ?? decision.wait?.message);
  return decision.request;
}

export function refused(fields: MessageFields, bounds: Bounds = {}, facts: Partial<PolicyFacts> = {}) {
  const decision = decide(fields, bounds, facts);
  if (decision.ok || !decision.error) throw new Error('it was not refused');
  return decision.error;
}
