import { setTimeout as sleep } from 'node:timers/promises';
import { formatDuration } from '../../core/duration.js';
import { readParked } from '../../mailbox/parked.js';
import type { Mailboxes } from '../../mailbox/open.js';
import type { RunningTaskView } from '../../mailbox/progress.js';
import { readServing } from '../../mailbox/serving.js';
import { type Cli, defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { cutTo, safeLine } from '../terminal-text.js';

/** How often the live view is drawn anew, ms. */
const REDRAW = 500;

export const command = defineCommand({
  about: 'What is running now, for how long, and its last line. On a terminal it stays up to date until Ctrl-C.',
  options: { once: { type: 'boolean', describe: 'Once, also on a terminal' } },
  examples: [['mailboxd progress', 'watch what is running']],
  async run(args, cli) {
    await using desk = await cli.desk();
    if (cli.json) {
      const running = await desk.running();
      cli.data({
        running: running.map(withNulls),
        parked: readParked(desk.root.dir),
        daemons: readServing(desk.root.dir),
      });
    } else if (cli.io.isTTY.stdout && args.once !== true) {
      await showLive(cli, desk);
    } else {
      for (const line of await render(cli, desk)) cli.line(line);
    }
    return EXIT.done;
  },
});

/** A field that is not known is null, so that the shape is the same for all. */
function withNulls(task: RunningTaskView): Record<string, unknown> {
  return Object.fromEntries(Object.entries(task).map(([key, value]) => [key, value ?? null]));
}

async function render(cli: Cli, desk: Mailboxes): Promise<string[]> {
  const running = await desk.running();
  const { dir } = desk.root;
  const lines = running.flatMap((task) => [
    `${cli.paint('bold', safeLine(task.mailbox))}  ${formatDuration(task.running_ms ?? 0)}  ${safeLine(task.subject)}${task.alive === false ? cli.paint('red', '  (its daemon is gone)') : ''}`,
    cli.paint('dim', `  ${task.id}, from ${safeLine(task.from)}, ${task.runner ?? 'unknown runner'}`),
    ...(task.last_line === undefined ? [] : [`  ${safeLine(task.last_line)}`]),
  ]);
  if (running.length === 0) lines.push('nothing is running');
  for (const item of readParked(dir))
    lines.push(cli.paint('yellow', `${item.mailbox} is parked: ${safeLine(item.message)}; next try ${item.next_try}`));
  const daemons = readServing(dir);
  if (daemons.length === 0) lines.push(cli.paint('dim', 'no daemon runs on this host: mailboxd start'));
  return cli.io.isTTY.stdout
    ? lines.map((line) => (line.includes('\u001b') ? line : cutTo(line, cli.io.columns)))
    : lines;
}

async function showLive(cli: Cli, desk: Mailboxes): Promise<void> {
  const { createLogUpdate } = await import('log-update');
  const view = createLogUpdate(cli.io.stdout as NodeJS.WriteStream);
  const stop = new AbortController();
  const release = cli.io.onSignal(() => stop.abort());
  while (!stop.signal.aborted) {
    view((await render(cli, desk)).join('\n'));
    await sleep(REDRAW, undefined, { signal: stop.signal }).catch(() => undefined);
  }
  view.done();
  release();
}
