/** Who has an id already. */
import type { Catalog } from '../catalog/index.js';
import type { Place } from '../core/message.js';
import { statMessage } from '../store/list.js';

/** `running`: it is in `in_progress/`. `ended`: it is in `complete/` or `failed/`. */
export type IdHolder = 'none' | 'running' | 'ended';

/** Whether another message than the one at `place` was claimed or has ended under this id and is still there. */
export function findIdHolder(catalog: Catalog, root: string, id: string, place: Place): IdHolder {
  for (const record of catalog.withId(id, ['in_progress', 'complete', 'failed'])) {
    const isSame = record.mailbox === place.mailbox && record.state === place.state && record.name === place.name;
    if (isSame || statMessage(root, record) === undefined || catalog.refresh(record)?.id !== id) continue;
    return record.state === 'in_progress' ? 'running' : 'ended';
  }
  return 'none';
}
