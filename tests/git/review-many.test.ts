/** What many files at once cost. */
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bareRepository, gitHost, sync } from '../support/git-host.js';

it('many finished messages that are tried again together are each compared with themselves alone', async () => {
  const many = 150;
  const host = await gitHost(bareRepository(), 'a-1');
  const names = Array.from({ length: many }, (_, n) => `m${n}`);
  for (const id of names)
    host.write(
      `mailboxes/server/failed/${id}.md`,
      `---\nid: "${id}"\nseal: "x"\nresult: { outcome: failed }\n---\n${id}\n`,
    );
  await sync(host);
  mkdirSync(join(host.root, 'mailboxes/server/inbox'), { recursive: true });
  for (const id of names)
    renameSync(join(host.root, `mailboxes/server/failed/${id}.md`), join(host.root, `mailboxes/server/inbox/${id}.md`));

  const { objects } = host.exchange.state.repository;
  const readBlob = objects.readBlob;
  let reads = 0;
  objects.readBlob = (oid) => {
    reads += 1;
    return readBlob(oid);
  };
  await sync(host);
  expect(reads).toBeLessThan(12 * many);
  await host.exchange.close();
});
