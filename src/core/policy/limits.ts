/** The limits that hold for one sender. */
import type { Config, Limits } from '../config.js';

/** Where a message names no sender. */
export const UNKNOWN_SENDER = 'unknown';

export function senderOf(fields: { from?: string | undefined }): string {
  return fields.from ?? UNKNOWN_SENDER;
}

/** What `senders.<name>` sets, or nothing. The name comes from a message: `constructor` is no entry. */
export function ownLimitsOf(config: Config, sender: string): Partial<Limits> {
  return Object.hasOwn(config.senders, sender) ? (config.senders[sender] ?? {}) : {};
}

/**
 * The stricter of the host's limits and the sender's, for each of them. A sender's name is what the message says, so
 * it can only narrow. The daily ones count different things (the host's total, the sender's total): see `checkDay`.
 */
export function limitsFor(config: Config, sender: string): Limits {
  const limits = { ...config.limits };
  const own = ownLimitsOf(config, sender);
  for (const key of Object.keys(limits) as (keyof Limits)[]) {
    const bound = own[key];
    if (bound !== undefined) limits[key] = Math.min(limits[key] ?? Number.POSITIVE_INFINITY, bound);
  }
  return limits;
}

/** The key of `config.yaml` that sets the stricter limit. */
export function keyOfLimit(config: Config, sender: string, limit: keyof Limits): string {
  const own = ownLimitsOf(config, sender)[limit];
  const isOwn = own !== undefined && own < (config.limits[limit] ?? Number.POSITIVE_INFINITY);
  return isOwn ? `senders.${sender}.${limit}` : `limits.${limit}`;
}
