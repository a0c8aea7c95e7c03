/** What is here of a message that another has now: it is kept outside what travels, and main's version comes instead. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { hostDir } from '../../store/paths.js';
import { linkUnique, removeQuietly, writeTemp } from '../../store/durable.js';
import { applyEdits } from '../apply.js';
import { BASE_REF } from '../ref-names.js';
import { readGit } from '../run.js';
import { editTree } from '../trees.js';
import type { HeldState } from '../held.js';
import { sortNews } from './news.js';
import type { ExchangeState } from './state.js';

/** Sets aside what is left of lost claims that nobody here works on any more. Returns how many. */
export async function buryLost(state: ExchangeState): Promise<number> {
  const lost = [...state.held.all.values()].filter((held) => held.isLost && !held.isActive);
  if (lost.length === 0) return 0;
  const news = await sortNews(state, await state.working.scan(state.base));
  for (const held of lost) {
    const changes = news.claimed.get(held.key) ?? [];
    let kept: string | undefined;
    let isLeft = false;
    for (const { path, after } of changes) {
      if (!after) continue;
      kept = await keep(state, held, after.bytes);
      const edit = { path, expected: after.oid, to: undefined };
      const { repository } = state;
      const { left } = await applyEdits(repository.dir, repository.ownDir, repository.objects, [edit]);
      isLeft ||= left.length > 0;
    }
    // Somebody wrote into it in this moment: the next turn sees what it is then.
    if (isLeft) continue;
    if (state.base !== undefined) {
      const gone = new Map(changes.map(({ path }) => [path, undefined]));
      state.base = await editTree(state.repository.objects, state.base, gone);
      await readGit(state.repository.dir, ['update-ref', BASE_REF, state.base]);
    }
    state.held.all.delete(held.key);
    state.hooks.onApplied(changes.map(({ path }) => path));
    const reason = 'its lease was lost, and another worker has it';
    state.hooks.onEvent({ type: 'lost', id: held.id, path: held.path, reason, ...(kept !== undefined && { kept }) });
  }
  await state.held.save();
  return lost.length;
}

/** `.mailboxd/kept/<id>-<epoch>.md`. */
async function keep(state: ExchangeState, held: HeldState, bytes: Buffer): Promise<string> {
  const dir = join(hostDir(state.repository.dir), 'kept');
  mkdirSync(dir, { recursive: true });
  const temp = await writeTemp(dir, bytes, 0o600);
  try {
    return join(dir, linkUnique(temp, dir, `${held.id}-${held.epoch}.md`));
  } finally {
    removeQuietly(temp);
  }
}
