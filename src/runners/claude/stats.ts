import type { RunStats } from '../../core/message.js';
import { asFields, asNumber, type Fields } from './protocol.js';

/**
 * The figures of a `result` line. With 2.1.197, cost, API time and the usage by model are running totals of the
 * process, so the last line has them all; turns are those of this result alone and must be added up.
 */
export function statsOf(result: Fields): RunStats {
  const models = Object.entries(asFields(result['modelUsage']) ?? {}).map(([name, value]) => {
    const count = (key: string): number => asNumber(asFields(value)?.[key]) ?? 0;
    const tokensIn = count('inputTokens') + count('cacheReadInputTokens') + count('cacheCreationInputTokens');
    return { name, tokensIn, tokensOut: count('outputTokens') };
  });
  const sum = (pick: (model: (typeof models)[number]) => number): number =>
    models.reduce((total, model) => total + pick(model), 0);
  const main = models.toSorted((a, b) => b.tokensOut - a.tokensOut)[0];
  return defined({
    model: main?.name,
    turns: asNumber(result['num_turns']),
    cost_usd: asNumber(result['total_cost_usd']),
    tokens_in: main && sum((model) => model.tokensIn),
    tokens_out: main && sum((model) => model.tokensOut),
    duration_api_ms: asNumber(result['duration_api_ms']),
  });
}

function defined(stats: { [key in keyof RunStats]: RunStats[key] | undefined }): RunStats {
  return Object.fromEntries(Object.entries(stats).filter(([, value]) => value !== undefined));
}
