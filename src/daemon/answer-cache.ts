/** `cache`: an equal task that was answered a short while ago is answered from there, and the message says so. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { BoundedRequest } from '../core/policy.js';
import { claimToken } from '../core/token.js';
import { assembleMessage, lastRunNumber, parseMessage, resultText, type ParsedMessage } from '../format/message.js';
import { renderResult, renderRunStart } from '../format/transcript.js';
import { readPlace } from '../mailbox/locate.js';
import type { Worker } from './worker.js';

/** Equal for tasks with the same sender, prompt, options and attachments. */
export function fingerprintOf(prompt: string, request: BoundedRequest, attachments: string[]): string {
  const hash = createHash('sha256');
  const { max_budget_usd: _, ...options } = request.options;
  hash.update(JSON.stringify([request.from, prompt, options]));
  for (const path of attachments) hash.update(createHash('sha256').update(readFileSync(path)).digest());
  return hash.digest('hex').slice(0, 32);
}

export interface CachedAnswer {
  id: string;
  /** The asking message's file, answered. */
  compose(message: ParsedMessage, sealed: Record<string, unknown>, fingerprint: string): string;
}

export function answerFromCache(
  worker: Worker,
  fingerprint: string,
  mailbox: string,
  now: number,
): CachedAnswer | undefined {
  const { key, cache } = worker.root.config;
  for (const record of worker.catalog.findByFingerprint(fingerprint)) {
    if (record.mailbox !== mailbox || record.outcome !== 'complete' || now - record.updated > cache) continue;
    const bytes = readPlace(worker.root.dir, record);
    const source = bytes && parseMessage(bytes, key);
    // An answer that came from a cache is not passed on: its age counts from the run.
    if (!source || source.front.result?.cached_from !== undefined) continue;
    const answer = resultText(source);
    if (answer === undefined) continue;
    return {
      id: record.id,
      compose(message, sealed, print) {
        const token = claimToken(key, String(sealed['id']), (message.front.epoch ?? 0) + 1);
        const n = lastRunNumber(message) + 1;
        const note = `_Not run: this is the answer of ${record.id}, which asked the same (\`cache\`)._${message.split.eol}${message.split.eol}`;
        const recorded =
          message.recorded +
          renderRunStart(n, token, message.split.eol) +
          note +
          renderResult(n, token, answer, message.split.eol);
        const result = {
          outcome: 'complete',
          at: new Date(now).toISOString(),
          cached_from: record.id,
          ...(record.runner && { runner: record.runner }),
        };
        return assembleMessage(
          { split: message.split, ownText: message.ownText, recorded },
          { ...sealed, epoch: (message.front.epoch ?? 0) + 1, claim: undefined, fingerprint: print, result },
        );
      },
    };
  }
  return undefined;
}
