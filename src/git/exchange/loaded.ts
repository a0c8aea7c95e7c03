import { isHeld, type Instant } from '../../core/lease.js';
import { sortNews } from './news.js';
import type { ExchangeState } from './state.js';

/**
 * What was held before a restart (at `started`): what has its end is published now; what waits may be asked for again
 * as long as a lease lasts; what nobody brought back from `in_progress/` is set aside.
 */
export async function settleLoaded(state: ExchangeState, started: Instant): Promise<void> {
  const loaded = [...state.held.all.values()].filter(
    (held) => !held.isActive && !held.isEnded && !held.isFresh && !held.isLost && !held.isDone && held.current,
  );
  if (loaded.length === 0) return;
  const news = await sortNews(state, await state.working.scan(state.base));
  for (const held of loaded) {
    const after = (news.claimed.get(held.key) ?? []).flatMap((change) => (change.after ? [change.path] : []));
    const isTimely = isHeld(started, state.instant(), held.lease);
    const isRunning = after.some((path) => path.includes('/in_progress/'));
    const isWaiting = isRunning || after.some((path) => path.includes('/inbox/')) || !news.claimed.has(held.key);
    if (isWaiting && isTimely) continue;
    if (isRunning) held.isLost = true;
    else held.isEnded = true;
  }
}
