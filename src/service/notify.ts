/**
 * Readiness and watchdog for systemd (sd_notify(3)), and nothing at all without it.
 *
 * The protocol is one datagram to a unix socket, which Node cannot send; `systemd-notify` can, and is on every
 * machine that has systemd. So each notice is one short-lived process, which is why the unit says `NotifyAccess=all`,
 * and why notices wait for each other: they arrive in order, and a state that is overtaken is not sent at all.
 *
 * A watchdog beat is a promise that the daemon works, so it is sent only when three things hold: this event loop
 * turned (the timer is one of its own), `isHealthy()` says that the daemon's own passes come to an end, and the last
 * beat has left. Whoever hangs is restarted by systemd after WatchdogSec.
 */
import { spawn } from 'node:child_process';

/** A `systemd-notify` that has not ended by then is ended. */
const SEND_TIMEOUT_MS = 10_000;

const KINDS = ['state', 'status', 'beat'] as const;
type Notices = { [kind in (typeof KINDS)[number]]?: string };

export interface Notifier {
  /** Whether somebody listens: NOTIFY_SOCKET is set. */
  readonly active: boolean;
  /** Ms between two beats; undefined where no watchdog was asked for. */
  readonly beatEvery: number | undefined;
  /** The daemon serves. Starts the watchdog's beat. */
  ready(status?: string): void;
  /** One line for `systemctl status`. */
  status(text: string): void;
  /** One beat now, if healthy; the timer does the same. */
  beat(): void;
  /** The daemon drains. The beat goes on, since a stop may take its grace time. */
  stopping(status?: string): void;
  /** Stops the beat, and resolves when what was to be sent has been. Idempotent. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface NotifierOptions {
  /** False once a pass of the daemon is overdue. Must not throw; by default true. */
  isHealthy?(): boolean;
  /** Told once for each kind of fault; nothing here ever throws. */
  onProblem?(message: string): void;
  /** The process the watchdog is meant for. */
  pid?: number;
}

/** Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID from the environment. */
export function createNotifier(environment: NodeJS.ProcessEnv, options: NotifierOptions = {}): Notifier {
  const { isHealthy = () => true, onProblem = () => {}, pid = process.pid } = options;
  const socket = environment['NOTIFY_SOCKET'];
  const active = socket !== undefined && socket !== '';
  const beatEvery = active ? beatEveryOf(environment, pid) : undefined;
  /** Still to be sent, by kind: a newer one takes the place of an older. */
  const waiting = new Map<keyof Notices, string>();
  let sending: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const told = new Set<string>();

  function problem(message: string): void {
    if (told.has(message)) return;
    told.add(message);
    onProblem(message);
  }

  function post(notices: Notices): void {
    if (!active || closed) return;
    for (const kind of KINDS) {
      const line = notices[kind];
      if (line !== undefined) waiting.set(kind, line);
    }
    sending ??= sendAll();
  }

  async function sendAll(): Promise<void> {
    while (waiting.size > 0) {
      const lines = [...waiting.values()];
      waiting.clear();
      const fault = await send(lines, socket ?? '', environment);
      if (fault) problem(fault);
    }
    sending = undefined;
  }

  function beat(): void {
    // A beat that has not left yet is one already: a sender that hangs must not be hidden by new ones.
    if (beatEvery === undefined || sending) return;
    if (isHealthy()) post({ beat: 'WATCHDOG=1' });
    else problem('the daemon is not healthy: no watchdog beat is sent');
  }

  async function close(): Promise<void> {
    closed = true;
    clearInterval(timer);
    await sending;
  }

  return {
    active,
    beatEvery,
    ready(status) {
      post({ state: 'READY=1', ...statusLine(status) });
      if (beatEvery !== undefined && !closed) timer ??= setInterval(beat, beatEvery).unref();
    },
    status(text) {
      post(statusLine(text));
    },
    beat,
    stopping(status) {
      post({ state: 'STOPPING=1', ...statusLine(status) });
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Half of WatchdogSec, as sd_watchdog_enabled(3) advises; nothing where the watchdog is meant for another process. */
function beatEveryOf(environment: NodeJS.ProcessEnv, pid: number): number | undefined {
  const micros = Number(environment['WATCHDOG_USEC']);
  const meantFor = environment['WATCHDOG_PID'];
  if (!Number.isSafeInteger(micros) || micros <= 0) return undefined;
  if (meantFor !== undefined && meantFor !== '' && meantFor !== String(pid)) return undefined;
  // A timer holds no more than 31 bits.
  return Math.min(Math.max(1, Math.floor(micros / 2_000)), 2 ** 31 - 1);
}

/** One line: a line break would begin another assignment. */
function statusLine(text: string | undefined): Notices {
  return text === undefined ? {} : { status: `STATUS=${text.replace(/\p{Cc}+/gu, ' ').slice(0, 1_000)}` };
}

/** Sends the lines in one datagram. Returns what went wrong, if anything did. */
function send(lines: string[], socket: string, environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn('systemd-notify', lines, {
      env: { PATH: environment['PATH'], NOTIFY_SOCKET: socket },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    // Not spawn's own `timeout`: it goes on when the program could not be started.
    const deadline = setTimeout(() => child.kill('SIGKILL'), SEND_TIMEOUT_MS);
    let words = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (words = (words + chunk).slice(0, 500)));
    child.once('error', (error) => {
      clearTimeout(deadline);
      resolve(`cannot tell systemd the state: systemd-notify: ${error.message}; the unit needs it for Type=notify`);
    });
    child.once('close', (code, signal) => {
      clearTimeout(deadline);
      resolve(
        code === 0
          ? undefined
          : `cannot tell systemd the state: systemd-notify ended with ${signal ?? code}: ${words.trim()}`,
      );
    });
  });
}
