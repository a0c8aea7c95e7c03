/**
 * The floor: a bare Maildir loop in Node. No watcher, no parsing, no claim in the file; but each message is durable when
 * it is delivered and when it is finished, as ours is.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, unlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';

async function syncFolder(dir) {
  const handle = await open(dir, 'r');
  await handle.sync();
  await handle.close();
}

async function writeSynced(path, text) {
  const handle = await open(path, 'wx');
  await handle.writeFile(text);
  await handle.sync();
  await handle.close();
}

/** @param {string} root a new directory */
export function openMaildir(root) {
  const [tmp, fresh, taken, done] = ['tmp', 'new', 'cur', 'done'].map((name) => join(root, name));
  for (const dir of [tmp, fresh, taken, done]) mkdirSync(dir, { recursive: true });
  return {
    /** One message, delivered, claimed, answered and finished. */
    async pass(n, text) {
      const name = `${n}.md`;
      await writeSynced(join(tmp, name), text);
      linkSync(join(tmp, name), join(fresh, name));
      unlinkSync(join(tmp, name));
      await syncFolder(fresh);

      renameSync(join(fresh, name), join(taken, name));
      const answered = `${readFileSync(join(taken, name), 'utf8')}\n## Result\n\nok\n`;
      await writeSynced(join(tmp, name), answered);
      renameSync(join(tmp, name), join(taken, name));
      renameSync(join(taken, name), join(done, name));
      await syncFolder(done);
    },
  };
}
