import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { Server, Socket } from 'node:net';

/** Kinds that come and go by themselves, or that vitest holds. */
const IGNORED = new Set(['Immediate', 'FSReqCallback', 'FSReqPromise', 'MessagePort', 'CloseReq', 'TTYWrap']);

/** What keeps this process alive: kind → one description for each. */
export function resources(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const type of process.getActiveResourcesInfo()) {
    if (!IGNORED.has(type)) found.set(type, [...(found.get(type) ?? []), '?']);
  }
  // The same things as objects, where Node has them: to say which one it is.
  for (const handle of activeHandles()) {
    const [type, text] = describe(handle);
    const list = found.get(type);
    const at = list?.indexOf('?') ?? -1;
    if (list !== undefined && at >= 0) list[at] = text;
  }
  return found;
}

function activeHandles(): unknown[] {
  const list = (process as unknown as { _getActiveHandles?: () => unknown[] })._getActiveHandles;
  return list === undefined ? [] : list.call(process);
}

function describe(handle: unknown): [type: string, text: string] {
  if (handle instanceof Server) {
    const address = handle.address();
    return typeof address === 'string' ? ['PipeServerWrap', address] : ['TCPServerWrap', `port ${address?.port}`];
  }
  if (handle instanceof Socket) return ['TCPSocketWrap', `to ${handle.remoteAddress}:${handle.remotePort}`];
  const child = handle as Partial<ChildProcess>;
  if (Array.isArray(child.spawnargs)) return ['ProcessWrap', `${child.pid}: ${child.spawnargs.join(' ')}`];
  return ['', ''];
}

/** Watches of files and directories that the kernel holds for this process; 0 where that cannot be seen. */
export function watches(): number {
  let count = 0;
  for (const fd of list('/proc/self/fdinfo')) {
    for (const line of read(`/proc/self/fdinfo/${fd}`).split('\n')) {
      if (line.startsWith('inotify wd:')) count += 1;
    }
  }
  return count;
}

/** Files below these directories that this process holds open. */
export function openFiles(dirs: readonly string[]): string[] {
  return list('/proc/self/fd')
    .map((fd) => link(`/proc/self/fd/${fd}`))
    .filter((path) => dirs.some((dir) => path.startsWith(`${dir}/`)));
}

/** Other processes that run in one of these directories, or name one in their command or environment. */
export function processesIn(dirs: readonly string[]): { pid: number; command: string }[] {
  if (dirs.length === 0) return [];
  const found: { pid: number; command: string }[] = [];
  for (const entry of list('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
    const text = `${link(`/proc/${pid}/cwd`)}\n${command}\n${read(`/proc/${pid}/environ`)}`;
    if (dirs.some((dir) => text.includes(dir))) found.push({ pid, command });
  }
  return found;
}

// /proc changes while it is read, is not there on every system, and is not all ours: what cannot be read is not there.
function list(path: string): string[] {
  return attempt(() => readdirSync(path)) ?? [];
}

function read(path: string): string {
  return attempt(() => readFileSync(path, 'latin1')) ?? '';
}

function link(path: string): string {
  return attempt(() => readlinkSync(path)) ?? '';
}

function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
