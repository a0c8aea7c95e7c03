import { setTimeout as sleep } from 'node:timers/promises';
import { formatDuration } from '../../core/duration.js';
import { messageOf } from '../../core/errors.js';
import { withoutSecret } from '../../git/secrets.js';
import { readServing } from '../../mailbox/serving.js';
import { openWorkers, type WorkersView, type WorkerView, type Workers } from '../../mailbox/workers.js';
import { type Cli, defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { cutTo, renderTable, safeLine, type Style } from '../terminal-text.js';

/** How often `--watch` looks again, ms. */
const AGAIN = 3_000;
/** Most running tasks that are named in one line. */
const NAMED = 3;

export const command = defineCommand({
  about:
    'Which hosts serve mailboxes over the remote, and whether each is alive, late or gone. No daemon need run here. Without a remote: the daemons of this root.',
  options: { watch: { type: 'boolean', describe: 'On a terminal: stay up to date until Ctrl-C' } },
  examples: [
    ['mailboxd workers', 'who is there'],
    ['mailboxd workers --watch', 'who comes and goes'],
  ],
  async run(args, cli) {
    const { dir, config } = cli.root();
    if (config.remote === undefined) {
      showDaemons(cli, dir);
      return EXIT.done;
    }
    const workers = openWorkers(dir, config.remote, Date.now);
    try {
      if (args.watch === true && cli.io.isTTY.stdout && !cli.json) {
        await watchWorkers(cli, workers, config.host);
        return EXIT.done;
      }
      const view = await workers.read();
      if (cli.json) {
        const shown = view.workers.map((worker) => dataOf(worker, config.host));
        const { unreadable } = view;
        cli.data({ remote: withoutSecret(config.remote), workers: shown, unreadable, daemons: readServing(dir) });
      } else if (cli.io.isTTY.stdout) {
        for (const line of render(cli, view, config.host)) cli.line(line);
      } else {
        for (const worker of view.workers) cli.line(cellsOf(worker).map(safeLine).join('\t'));
        for (const line of problemsOf(view)) cli.note(line);
      }
      return EXIT.done;
    } finally {
      workers.close();
    }
  },
});

function showDaemons(cli: Cli, dir: string): void {
  const daemons = readServing(dir);
  if (cli.json) return cli.data({ remote: null, workers: [], unreadable: [], daemons });
  cli.note('this root has no remote: these are its own daemons');
  if (daemons.length === 0) cli.note('none runs: mailboxd start');
  const rows = daemons.map(({ pid, mailboxes, runner, since }) => [
    String(pid),
    mailboxes.map(safeLine).join(','),
    safeLine(runner),
    safeLine(since),
  ]);
  if (!cli.io.isTTY.stdout) for (const row of rows) cli.line(row.join('\t'));
  else if (rows.length > 0)
    for (const line of renderTable(['PID', 'MAILBOXES', 'RUNNER', 'SINCE'], rows, cli.io.columns)) cli.line(line);
}

function dataOf({ presence, state, judged, quiet }: WorkerView, own: string): Record<string, unknown> {
  const { host, instance, version, mailboxes, runner, running, queue, load, pid, started, interval, at } = presence;
  return {
    ...{ host, instance: instance ?? null, own: host === own, state, judged, quiet_ms: quiet, version },
    ...{ mailboxes, runner, running, queue, load, pid, started, interval_ms: interval, at },
  };
}

/** One line of the pipe; the last is a sentence on a terminal. */
function cellsOf({ presence, state, judged }: WorkerView): string[] {
  const { host, instance, mailboxes, running, queue, load, version } = presence;
  const waiting = Object.values(queue).reduce((sum, count) => sum + count, 0);
  const ids = running.map(({ id }) => id).join(',');
  return [
    ...[host, instance ?? '-', mailboxes.join(',') || '-', ids || '-', String(waiting), load.toFixed(2), version],
    ...[state, judged],
  ];
}

const STYLE: Readonly<Record<WorkerView['state'], Style>> = { alive: 'green', late: 'yellow', gone: 'red' };

function render(cli: Cli, view: WorkersView, own: string): string[] {
  if (view.workers.length === 0 && view.unreadable.length === 0) return ['no worker has shown itself on the remote'];
  const length = shortLength(view.workers.flatMap(({ presence }) => presence.running.map(({ id }) => id)));
  const head = ['STATE', 'HOST', 'INSTANCE', 'RUNNING', 'QUEUE', 'LOAD', 'VERSION', 'MAILBOXES'];
  const rows = view.workers.map((worker) => {
    const [host = '', instance = '', mailboxes = '', , waiting = '', load = '', version = ''] = cellsOf(worker);
    const { running } = worker.presence;
    const named = running.slice(0, NAMED).map(({ id }) => id.slice(0, length));
    const tail = running.length > NAMED ? ', …' : '';
    const what = running.length === 0 ? '0' : `${running.length}: ${named.join(', ')}${tail}`;
    const mark = host === own ? ' (here)' : '';
    return [tell(worker), `${host}${mark}`, instance, what, waiting, load, version, mailboxes].map(safeLine);
  });
  const [first, ...lines] = renderTable(head, rows, cli.io.columns);
  return [
    cli.paint('dim', first ?? ''),
    ...lines.map((line, index) => {
      const { state } = view.workers[index] ?? { state: 'gone' };
      return line.startsWith(state) ? cli.paint(STYLE[state], state) + line.slice(state.length) : line;
    }),
    ...(view.workers.some(({ judged }) => judged === 'there')
      ? [cli.paint('dim', '* by its own clock: this machine has not watched it for long enough')]
      : []),
    ...problemsOf(view).map((line) => cli.paint('yellow', cutTo(line, cli.io.columns))),
  ];
}

function tell({ state, judged, quiet }: WorkerView): string {
  if (judged === 'there') return `${state}*`;
  return state === 'alive' ? state : `${state} ${formatDuration(quiet).split(' ')[0]}`;
}

function problemsOf({ unreadable }: WorkersView): string[] {
  return unreadable.map(({ host, problem }) => safeLine(`${host} cannot be shown: ${problem}`));
}

/** How many characters tell these ids apart; at least 8. */
function shortLength(ids: readonly string[]): number {
  let length = 8;
  while (new Set(ids.map((id) => id.slice(0, length))).size < new Set(ids).size) length += 1;
  return length;
}

async function watchWorkers(cli: Cli, workers: Workers, own: string): Promise<void> {
  const { createLogUpdate } = await import('log-update');
  const draw = createLogUpdate(cli.io.stdout as NodeJS.WriteStream);
  const stop = new AbortController();
  const { signal } = stop;
  const release = cli.io.onSignal(() => stop.abort());
  let lines: string[] = [];
  while (!signal.aborted) {
    try {
      lines = render(cli, await workers.read({ signal }), own);
      draw(lines.join('\n'));
    } catch (error) {
      // The remote may come back; until then what was last seen stands.
      if (!signal.aborted) draw([...lines, cli.paint('red', safeLine(messageOf(error)))].join('\n'));
    }
    await sleep(AGAIN, undefined, { signal }).catch(() => undefined);
  }
  draw.done();
  release();
}
