/**
 * The watchdog: a small program that the daemon starts and that lives on when the daemon dies. It is told which runs
 * there are and how long each may live, and ends all processes of one whose time is over: then another host may run
 * its message. When its input ends the daemon is gone, nobody reads what the runs say, and it ends them all at once.
 */
import { createInterface } from 'node:readline';
import { longestSince, marginOf } from '../../core/lease.js';
import { endProcesses } from '../../runners/process/end.js';
import { parseCommand, readClocks, type WatchCommand } from './watchdog-command.js';

/** The longest between two looks at the clocks, ms: a timer does not see that the machine slept or a clock was set. */
const TICK = 250;
/** How long a run may take to end by itself, ms. A short lease has less: its margin must not be used up. */
const GRACE = 1_000;

const watched = new Map<string, WatchCommand>();
const ending = new Map<string, Promise<void>>();
let isOver = false;
let timer: NodeJS.Timeout | undefined;

// Its end is that of its input. A service manager tells every process of a service to end, and the daemon, whose runs
// may still take a while then, needs it until it has ended itself.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

const input = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
input.on('line', (line) => {
  const command = parseCommand(line);
  if (command === undefined) return;
  if ('forget' in command) {
    watched.delete(command.forget);
    ending.delete(command.forget);
  } else watched.set(command.watch, command);
  look();
});
input.on('close', finish);
process.stdin.on('error', finish);

/** Ends what is due, and comes back when the next one is. */
function look(): void {
  clearTimeout(timer);
  if (isOver) return;
  let next = TICK;
  for (const command of watched.values()) {
    const left = command.left - longestSince(command.at, readClocks());
    if (left <= 0) end(command);
    else next = Math.min(next, left);
  }
  if (watched.size > 0) timer = setTimeout(look, next);
}

function end(command: WatchCommand): void {
  const { watch: session, left } = command;
  watched.delete(session);
  const grace = Math.min(GRACE, marginOf(left) / 2);
  const attempt = async (): Promise<void> => {
    // What the kernel holds on to may go later; a daemon that lives says when nobody need care any more.
    while ((await endProcesses(session, command.process, { grace })) > 0 && !isOver && ending.get(session) === ended);
    if (ending.get(session) === ended) ending.delete(session);
  };
  const ended = attempt();
  ending.set(session, ended);
}

function finish(): void {
  if (isOver) return;
  isOver = true;
  clearTimeout(timer);
  for (const command of watched.values()) end(command);
  void Promise.all(ending.values()).then(() => process.exit(0));
}
