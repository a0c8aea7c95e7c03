import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const fixtures = fileURLToPath(new URL('fixtures', import.meta.url));

export interface NotifySocket extends AsyncDisposable {
  /** Every datagram so far, as its lines, with the time it came (performance.now()). */
  readonly received: { at: number; lines: string[] }[];
  /** Every line so far. */
  lines(): string[];
  /** The beats so far. */
  beats(): { at: number }[];
}

/** A socket of the test's own where systemd's would be. Needs perl, which git brings. */
export async function openNotifySocket(name: string): Promise<NotifySocket> {
  const child = spawn('perl', [join(fixtures, 'notify-socket.pl'), name], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const received: NotifySocket['received'] = [];
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    void ended.then(() => reject(new Error(`the notify socket ${name} could not be opened`)));
    createInterface(child.stdout).on('line', (line) => {
      if (line === 'listening') resolve();
      // systemd-notify waits with an empty BARRIER=1 of its own until its notices were taken.
      else
        received.push({
          at: performance.now(),
          lines: Buffer.from(line, 'hex').toString().split('\n').filter(Boolean),
        });
    });
  });
  return {
    received,
    lines: () => received.flatMap(({ lines }) => lines).filter((line) => line !== 'BARRIER=1'),
    beats: () => received.filter(({ lines }) => lines.includes('WATCHDOG=1')),
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended;
    },
  };
}

/** PATH on which there is a `systemd-notify`: the real one where there is one. */
export function pathWithSystemdNotify(): { PATH: string; real: boolean } {
  const PATH = process.env['PATH'] ?? '';
  const real = onPath('systemd-notify', PATH) !== undefined;
  return { PATH: real ? PATH : `${PATH}${delimiter}${join(fixtures, 'bin')}`, real };
}

/** Where a program is, or undefined. */
export function onPath(program: string, path = process.env['PATH'] ?? ''): string | undefined {
  return path
    .split(delimiter)
    .map((dir) => join(dir, program))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
