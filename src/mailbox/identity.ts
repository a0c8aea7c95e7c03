/** Who has an id already. */
import type { Catalog } from '../catalog/index.js';
import type { Place } from '../core/message.js';
import { statMessage } from '../store/list.js';

/** Whether another message than the one at `place` was claimed or finished under this id and is still there. */
export function isIdTaken(catalog: Catalog, root: string, id: string, place: Place): boolean {
  if (!catalog.hasId(id)) return false;
  return catalog
    .findById(id, 10)
    .some(
      (record) =>
        record.id === id &&
        record.state !== 'inbox' &&
        !(record.mailbox === place.mailbox && record.state === place.state && record.name === place.name) &&
        statMessage(root, record) !== undefined &&
        catalog.refresh(record)?.id === id,
    );
}
