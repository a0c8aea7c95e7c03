/** Blobs, trees and commits of one repository, read and written by processes that stay (see batch-process.ts). */
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MailboxError } from '../core/errors.js';
import { openBatch, type AnswerReader } from './batch-process.js';
import { readGit } from './run.js';

export type ObjectType = 'blob' | 'tree' | 'commit' | 'tag';

export interface TreeEntry {
  /** As git writes it: `100644`, `100755`, `120000` (link), `40000` (folder), `160000` (another repository). */
  mode: string;
  oid: string;
  /** The name's bytes where they are no UTF-8; such an entry is carried along and never touched. */
  raw?: Buffer;
}

export interface Commit {
  tree: string;
  parents: string[];
  message: string;
}

export interface NewCommit extends Commit {
  /** `Name <address>`. */
  identity: string;
  /** Seconds since 1970. */
  time: number;
}

export interface Objects extends AsyncDisposable {
  /** Throws `not_found` for an object that is not there, `unavailable` for one that cannot be read. */
  read(oid: string): Promise<{ type: ObjectType; bytes: Buffer }>;
  readBlob(oid: string): Promise<Buffer>;
  /** Undefined for an object of another type, which a tree called a file; it is remembered in `misnamed`. */
  readFile(oid: string): Promise<Buffer | undefined>;
  readonly misnamed: ReadonlySet<string>;
  /** Name → entry. Do not change it: it is kept for the next reader. */
  readTree(oid: string): Promise<ReadonlyMap<string, TreeEntry>>;
  readCommit(oid: string): Promise<Commit>;
  writeBlob(bytes: Uint8Array): Promise<string>;
  writeTree(entries: Iterable<readonly [string, TreeEntry]>): Promise<string>;
  writeCommit(commit: NewCommit): Promise<string>;
  close(): Promise<void>;
}

/** The id git gives these bytes as a blob. */
export function blobOid(bytes: Uint8Array): string {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

export const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
/** Trees kept parsed. */
const KEPT_TREES = 400;

const readLine: AnswerReader<string> = (buffered) => {
  const end = buffered.indexOf(10);
  return end === -1 ? undefined : { value: buffered.toString('latin1', 0, end), length: end + 1 };
};

const readObject: AnswerReader<{ type: ObjectType; bytes: Buffer } | undefined> = (buffered) => {
  const end = buffered.indexOf(10);
  if (end === -1) return undefined;
  const header = buffered.toString('latin1', 0, end);
  const match = /^[0-9a-f]{40} (blob|tree|commit|tag) (\d+)$/.exec(header);
  if (!match) return { value: undefined, length: end + 1 };
  const size = Number(match[2]);
  if (buffered.length < end + 2 + size) return undefined;
  const bytes = Buffer.from(buffered.subarray(end + 1, end + 1 + size));
  return { value: { type: match[1] as ObjectType, bytes }, length: end + 2 + size };
};

export function parseTree(bytes: Buffer): Map<string, TreeEntry> {
  const entries = new Map<string, TreeEntry>();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(32, at);
    const end = bytes.indexOf(0, space);
    if (space === -1 || end === -1) break;
    const raw = bytes.subarray(space + 1, end);
    const name = raw.toString('utf8');
    const isText = Buffer.from(name, 'utf8').equals(raw);
    const mode = bytes.toString('latin1', at, space).replace(/^0+/, '');
    const entry = { mode, oid: bytes.toString('hex', end + 1, end + 21) };
    entries.set(isText ? name : `\0${raw.toString('hex')}`, isText ? entry : { ...entry, raw: Buffer.from(raw) });
    at = end + 21;
  }
  return entries;
}

function parseCommit(bytes: Buffer): Commit {
  const text = bytes.toString('utf8');
  const gap = text.indexOf('\n\n');
  const head = gap === -1 ? text : text.slice(0, gap);
  const tree = /^tree ([0-9a-f]{40})$/m.exec(head)?.[1] ?? EMPTY_TREE;
  const parents = [...head.matchAll(/^parent ([0-9a-f]{40})$/gm)].map((match) => match[1] ?? '');
  return { tree, parents, message: gap === -1 ? '' : text.slice(gap + 2) };
}

/** `scratch`: a folder of the host's own, for what is handed to git as a file. */
export function openObjects(dir: string, scratch: string): Objects {
  const reader = openBatch(dir, ['cat-file', '--batch'], readObject);
  const blobs = openBatch(dir, ['hash-object', '-w', '--no-filters', '--stdin-paths'], readLine);
  const commits = openBatch(dir, ['hash-object', '-w', '-t', 'commit', '--stdin-paths'], readLine);
  const trees = openBatch(dir, ['mktree', '-z', '--missing', '--batch'], readLine);
  const parsed = new Map<string, ReadonlyMap<string, TreeEntry>>();
  const misnamed = new Set<string>();
  let count = 0;

  const writeThrough = async (
    bytes: Uint8Array | string,
    write: (path: string) => Promise<string>,
  ): Promise<string> => {
    count += 1;
    const path = join(scratch, `object-${process.pid}-${count}`);
    try {
      writeFileSync(path, bytes);
    } catch {
      mkdirSync(scratch, { recursive: true });
      writeFileSync(path, bytes);
    }
    try {
      return await write(path);
    } finally {
      rmSync(path, { force: true });
    }
  };
  const read = async (oid: string): Promise<{ type: ObjectType; bytes: Buffer }> => {
    if (!/^[0-9a-f]{40}$/.test(oid)) throw new MailboxError('invalid', `found the object id ${JSON.stringify(oid)}`);
    const object = await reader.ask(`${oid}\n`);
    if (object) return object;
    throw new MailboxError('not_found', `the repository lacks the object ${oid}`, {
      hint: 'look with `git fsck`; a fresh clone of the remote has it',
    });
  };
  const readTyped = async (oid: string, type: ObjectType): Promise<Buffer> => {
    const object = await read(oid);
    if (object.type !== type) throw new MailboxError('invalid', `found a ${object.type} in ${oid}, expected a ${type}`);
    return object.bytes;
  };
  return {
    read,
    readBlob: (oid) => readTyped(oid, 'blob'),
    async readFile(oid) {
      const { type, bytes } = await read(oid);
      if (type === 'blob') return bytes;
      misnamed.add(oid);
      return undefined;
    },
    misnamed,
    async readTree(oid) {
      let tree = parsed.get(oid);
      if (tree) parsed.delete(oid);
      else tree = oid === EMPTY_TREE ? new Map() : parseTree(await readTyped(oid, 'tree'));
      parsed.set(oid, tree);
      if (parsed.size > KEPT_TREES) parsed.delete(parsed.keys().next().value ?? '');
      return tree;
    },
    readCommit: async (oid) => parseCommit(await readTyped(oid, 'commit')),
    writeBlob: (bytes) => writeThrough(bytes, (path) => blobs.ask(`${path}\n`)),
    async writeTree(entries) {
      const parts: Buffer[] = [];
      const all = [...entries];
      for (const [name, entry] of all) {
        const type = entry.mode === '40000' ? 'tree' : entry.mode === '160000' ? 'commit' : 'blob';
        parts.push(Buffer.from(`${entry.mode} ${type} ${entry.oid}\t`), entry.raw ?? Buffer.from(name), NUL);
      }
      // One that a stranger put on main, and mktree will not repeat (a name with a slash, an object of another type).
      const isOdd = all.some(([name]) => name === '' || name.includes('/'));
      return isOdd
        ? writeLiterally(dir, all)
        : trees.ask(Buffer.concat([...parts, NUL])).catch(() => writeLiterally(dir, all));
    },
    writeCommit({ tree, parents, message, identity, time }) {
      const who = `${identity} ${Math.floor(time)} +0000`;
      const head = [
        `tree ${tree}`,
        ...parents.map((parent) => `parent ${parent}`),
        `author ${who}`,
        `committer ${who}`,
      ];
      const text = `${head.join('\n')}\n\n${message.endsWith('\n') ? message : `${message}\n`}`;
      return writeThrough(text, (path) => commits.ask(`${path}\n`));
    },
    close: async () => void (await Promise.all([reader, blobs, commits, trees].map((process) => process.close()))),
    async [Symbol.asyncDispose]() {
      await this.close();
    },
  };
}

const NUL = Buffer.from([0]);

/** The tree as it is, in git's order and unchecked. */
async function writeLiterally(dir: string, entries: readonly (readonly [string, TreeEntry])[]): Promise<string> {
  const items = entries.map(([name, { mode, oid, raw }]) => {
    const bytes = raw ?? Buffer.from(name);
    return { mode, oid, bytes, key: mode === '40000' ? Buffer.concat([bytes, Buffer.from('/')]) : bytes };
  });
  const parts = items
    .toSorted((one, other) => Buffer.compare(one.key, other.key))
    .flatMap(({ mode, oid, bytes }) => [Buffer.from(`${mode} `), bytes, NUL, Buffer.from(oid, 'hex')]);
  const args = ['hash-object', '-w', '-t', 'tree', '--literally', '--stdin'];
  return readGit(dir, args, { input: Buffer.concat(parts) });
}
