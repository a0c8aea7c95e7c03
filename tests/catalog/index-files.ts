/** Opening an index that has no folders behind it, and copying it as a crash would leave it. */
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { afterEach } from 'vitest';
import { openCatalog, type Catalog, type CatalogRecord } from '../../src/catalog/index.js';
import type { MailboxError } from '../../src/core/errors.js';
import { testdir } from '../support/testdir.js';
import { sorted } from './changes.js';

/** What the catalogs of this test have reported. */
export const problems: string[] = [];

afterEach(() => {
  problems.length = 0;
});

export function open(dir: string, mode: 'write' | 'read' = 'write'): Promise<Catalog> {
  return openCatalog(dir, {
    mode,
    toRecord: () => {
      throw new Error('no folders here');
    },
    onProblem: (error: MailboxError) => problems.push(error.message),
  });
}

export function contents(catalog: Catalog): CatalogRecord[] {
  return sorted(catalog.list({ limit: 10_000 }).records);
}

/** A copy of the two files as a crash at this moment would leave them. */
export function crashImage(dir: string): string {
  const image = `${testdir()}/.mailboxd`;
  mkdirSync(image);
  for (const name of ['index.json', 'index.journal']) {
    if (existsSync(`${dir}/${name}`)) copyFileSync(`${dir}/${name}`, `${image}/${name}`);
  }
  return image;
}
