import { ENGINE_FIELDS, type FrontMatter } from '../core/message.js';
import { isClaimToken } from '../core/token.js';

/**
 * The first engine field, when this host did not write them; undefined when there is none or all are its own. The
 * fields may have any shape.
 */
export function findForged(front: FrontMatter, key: string): string | undefined {
  const present = ENGINE_FIELDS.find((field) => front[field] !== undefined);
  if (present === undefined) return undefined;
  const ids = [front.id, front.copied_from].filter((id) => typeof id === 'string');
  const isOwn = (token: unknown): boolean =>
    typeof token === 'string' && ids.some((id) => isClaimToken(key, id, token));
  if (!isOwn(front.seal)) return present;
  const runs: unknown = front.runs;
  if (Array.isArray(runs) && !runs.every((run: { token?: unknown } | null) => isOwn(run?.token))) return 'runs';
  return undefined;
}
