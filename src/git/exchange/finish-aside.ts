import { writeClaim, type GitClaim } from '../claim-commit.js';
import type { HeldState } from '../held.js';
import { refOf } from '../ref-names.js';
import type { LocalChange } from '../working-tree.js';
import { release } from './claim.js';
import { look } from './look.js';
import type { LocalNews } from './news.js';
import type { ExchangeState } from './state.js';

/** Lost races after which an end is put on its claim instead, where nobody else writes. */
const PATIENCE = 2;

/** Ends that have lost too many races go onto their claims: a ref that nobody else writes. True when any did. */
export async function finishAside(state: ExchangeState, news: LocalNews): Promise<boolean> {
  const { repository, held, settings } = state;
  const late = [...held.all.values()].filter(
    ({ key, isLost, isDone, lostRaces, current }) =>
      news.ended.has(key) && !isLost && !isDone && lostRaces >= PATIENCE && current,
  );
  if (late.length === 0) return false;
  // Given up without a trace: there is nothing to bring, and so no race to run.
  const traceless = late.filter(({ key }) => (news.claimed.get(key) ?? []).length === 0);
  if (traceless.length > 0) await release(state, traceless);
  const updates = [];
  for (const item of late.filter((held) => !traceless.includes(held))) {
    const result = resultOf(item, news.claimed.get(item.key) ?? []);
    if (result) await repository.objects.writeBlob(result.bytes);
    const claim: GitClaim = {
      ...{ key: item.key, id: item.id, host: settings.host, worker: item.worker, epoch: item.epoch },
      ...{ crashes: item.crashes, lease: item.lease, path: item.path, blob: item.blob },
      ...(item.shown && { shown: item.shown }),
      done: { to: result && { path: result.path, blob: result.oid } },
    };
    const by = { identity: repository.identity, now: state.instant().wall };
    const oid = await writeClaim(repository.objects, claim, by);
    updates.push({ ref: refOf(state.remote.space, 'claims', item.key), from: item.current ?? null, to: oid });
    item.tried.push(oid);
  }
  await held.save();
  await state.remote.push(updates);
  await look(state);
  return true;
}

function resultOf(
  held: HeldState,
  changes: readonly LocalChange[],
): { path: string; oid: string; bytes: Buffer } | undefined {
  const name = held.path.split('/').at(-1);
  const found = changes.filter(({ after }) => after !== undefined);
  const change = found.find(({ path }) => path.endsWith(`/${name}`) && !path.includes('/in_progress/')) ?? found[0];
  return change?.after && { path: change.path, oid: change.after.oid, bytes: change.after.bytes };
}
