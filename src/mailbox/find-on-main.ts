/** A message on main, for a process that has main's objects and not its files. */
import { STATES, type Place } from '../core/message.js';
import { idOf } from '../format/id-of.js';
import type { Objects } from '../git/objects.js';
import { listFolder } from '../git/trees.js';

/**
 * Where main has the message: by its file's name, in any mailbox and state and in the month folders of what has ended.
 * `id` undefined: the file of that name in the same mailbox. Undefined where it is not found.
 */
export async function findOnMain(
  objects: Objects,
  commit: string,
  last: Place & { id: string | undefined },
): Promise<{ place: Place; bytes: Buffer } | undefined> {
  const { tree } = await objects.readCommit(commit);
  const base = last.name.split('/').at(-1) ?? last.name;
  const others = last.id === undefined ? [] : [...(await listFolder(objects, tree, 'mailboxes')).keys()];
  for (const mailbox of new Set([last.mailbox, ...others])) {
    for (const state of STATES) {
      const folder = await listFolder(objects, tree, `mailboxes/${mailbox}/${state}`);
      const names = [...folder].flatMap(([name, { mode }]) =>
        name === base ? [base] : mode === '40000' ? [`${name}/${base}`] : [],
      );
      for (const name of names) {
        const [head = '', inner] = name.split('/');
        const entry =
          inner === undefined
            ? folder.get(head)
            : (await listFolder(objects, tree, `mailboxes/${mailbox}/${state}/${head}`)).get(inner);
        if (!entry?.mode.startsWith('100')) continue;
        const bytes = await objects.readBlob(entry.oid);
        if (last.id === undefined || idOf(bytes) === last.id) return { place: { mailbox, state, name }, bytes };
      }
    }
  }
  return undefined;
}
