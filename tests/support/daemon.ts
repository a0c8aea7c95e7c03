import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { STATES, type State } from '../../src/core/message.js';
import { startDaemon, type Daemon, type DaemonOptions } from '../../src/daemon/daemon.js';
import type { DaemonEvent } from '../../src/daemon/worker.js';
import { testdir } from './testdir.js';
import { waitUntil } from './wait-until.js';

const KEY = 'a-key-of-the-tests-0123456789abcdef0123456789';

/** A root with the mailboxes laptop and server, the simulator as its runner, and `yaml` added to its configuration. */
export function testRoot(yaml = '', mailboxes = ['laptop', 'server']): string {
  const files: Record<string, string> = {
    '.mailboxd/config.yaml': `host: test-host\nkey: ${KEY}\nas: laptop\nserve: [${mailboxes.join(', ')}]\nrunner: simulator\n${yaml}`,
  };
  for (const mailbox of mailboxes) for (const state of STATES) files[`mailboxes/${mailbox}/${state}/`] = '';
  return testdir(files);
}

export interface TestDaemon extends AsyncDisposable {
  daemon: Daemon;
  events: DaemonEvent[];
  /** Waits for an event of this type (about this message's file, when named). */
  event<T extends DaemonEvent['type']>(
    type: T,
    name?: string,
    timeout?: number,
  ): Promise<Extract<DaemonEvent, { type: T }>>;
}

export async function runDaemon(root: string, options: Partial<DaemonOptions> = {}): Promise<TestDaemon> {
  const events: DaemonEvent[] = [];
  const daemon = await startDaemon({
    root,
    environment: { PATH: process.env['PATH'], HOME: root, CLAUDE_MOCK_TEST: '1' },
    ...options,
    onEvent: (event) => {
      events.push(event);
      options.onEvent?.(event);
    },
  });
  return {
    daemon,
    events,
    event: (type, name, timeout = 10_000) =>
      waitUntil(
        () =>
          events.find(
            (event): event is Extract<DaemonEvent, { type: typeof type }> =>
              event.type === type && (name === undefined || ('place' in event && event.place.name === name)),
          ),
        {
          timeout,
          what: `the event ${type}${name === undefined ? '' : ` of ${name}`}; seen: ${JSON.stringify(events).slice(-2_000)}`,
        },
      ),
    [Symbol.asyncDispose]: () => daemon.stop(0),
  };
}

/** Drops a file as a person's shell would: opened, written, closed. */
export function drop(root: string, mailbox: string, name: string, text: string | Uint8Array): void {
  mkdirSync(join(root, 'mailboxes', mailbox, 'inbox'), { recursive: true });
  writeFileSync(join(root, 'mailboxes', mailbox, 'inbox', name), text);
}

export function pathOf(root: string, mailbox: string, state: State, name: string): string {
  return join(root, 'mailboxes', mailbox, state, name);
}

/** The file's text once it stands there. */
export async function arrived(
  root: string,
  mailbox: string,
  state: State,
  name: string,
  timeout = 10_000,
): Promise<string> {
  const path = pathOf(root, mailbox, state, name);
  await waitUntil(() => existsSync(path), {
    timeout,
    what: `${mailbox}/${state}/${name}; there is: ${JSON.stringify(tree(root))}`,
  });
  return readFileSync(path, 'utf8');
}

/** Every file below mailboxes/, hidden ones too, sorted. */
export function tree(root: string): string[] {
  return (readdirSync(join(root, 'mailboxes'), { recursive: true }) as string[])
    .filter((path) => path.split('/').length > 2)
    .toSorted();
}
