/** Following a message to its end, shown to a person or a pipe. */
import type { Place } from '../core/message.js';
import { readParked } from '../mailbox/parked.js';
import { readServing } from '../mailbox/serving.js';
import { renderAnswer } from '../format/answer.js';
import type { FollowEvent } from '../mailbox/follow.js';
import { EXIT, type ExitCode, exitOfOutcome } from './exit-codes.js';
import type { Cli } from './command.js';
import { safeLine } from './terminal-text.js';

export interface Ending {
  exit: ExitCode;
  /** `complete`, `failed`, …; `deleted`; `waiting` when it was given up. */
  outcome: string;
  result: string;
  /** The answer's value, where it is JSON. */
  structured_output?: unknown;
  place: Place | undefined;
}

/** Prints text as it comes, and at the end what of the answer has not been shown. `quiet` prints nothing but notes. */
export async function showFollowing(
  cli: Cli,
  root: string,
  events: AsyncIterable<FollowEvent>,
  options: { quiet: boolean },
): Promise<Ending> {
  let shown = '';
  let last: Place | undefined;
  const print = (piece: string): void => {
    if (options.quiet || piece === '') return;
    cli.text(piece);
    shown = (shown + piece).slice(-256 * 1024);
  };
  for await (const event of events) {
    if (event.type === 'state') {
      last = event.place;
      tellState(cli, root, event.place);
    } else if (event.type === 'text') {
      print(withoutMarkers(event.text));
    } else if (event.type === 'gone') {
      cli.note('it was deleted');
      return { exit: EXIT.notFound, outcome: 'deleted', result: '', place: undefined };
    } else if (event.type === 'elsewhere') {
      cli.note(cli.paint('dim', `running on ${safeLine(event.host)} as ${safeLine(event.worker)}`));
    } else if (event.type === 'note') {
      cli.note(safeLine(event.message));
    } else {
      const { outcome, result, structured_output: value, place } = event;
      const isDone = exitOfOutcome(outcome) === EXIT.done;
      if (isDone) print(restOf(shown, renderAnswer({ result, structured_output: value })));
      if (shown !== '' && !shown.endsWith('\n')) print('\n');
      if (!isDone) cli.note(`${outcome}: ${safeLine(result)}`);
      const where = event.here === false ? ' on main; `mailboxd sync` brings it here' : '';
      cli.note(cli.paint('dim', `${outcome}, ${nameOf(place)}${where}`));
      return { exit: exitOfOutcome(outcome), outcome, result, structured_output: value, place };
    }
  }
  return { exit: EXIT.waiting, outcome: 'waiting', result: '', place: last };
}

function nameOf(place: Place): string {
  return safeLine(`mailboxes/${place.mailbox}/${place.state}/${place.name}`);
}

function tellState(cli: Cli, root: string, place: Place): void {
  if (place.state === 'in_progress') return cli.note(cli.paint('dim', `running, ${nameOf(place)}`));
  if (place.state !== 'inbox') return;
  const parked = readParked(root).find((item) => item.mailbox === place.mailbox);
  const daemons = readServing(root);
  const isServed = daemons.some((daemon) => daemon.mailboxes.includes(place.mailbox));
  const isShared = cli.root().config.remote !== undefined;
  const why = parked
    ? `; ${place.mailbox} is parked: ${safeLine(parked.message)}; next try ${parked.next_try}`
    : isServed
      ? ''
      : isShared
        ? `; for a host that serves ${place.mailbox}${daemons.length > 0 ? '' : '; `mailboxd sync` sends it'}`
        : `; no daemon on this host serves ${place.mailbox} (mailboxd start)`;
  cli.note(cli.paint('dim', `waiting in ${nameOf(place)}${why}`));
}

/** The text without the lines that divide the file, which say nothing to a reader. */
function withoutMarkers(text: string): string {
  return text
    .replace(/^<!-- (?:run|result) \d+ · [a-z0-9-]+ -->\r?\n(?:## (?:Run \d+|Result)\r?\n(?:\r?\n)?)?/gm, '')
    .replace(/^\n+(?=$)/, '');
}

/** What of `result` does not stand at the end of `shown` yet. */
export function restOf(shown: string, result: string): string {
  const answer = result.trim();
  if (answer === '') return '';
  const seen = shown.trimEnd();
  if (seen.endsWith(answer)) return '';
  for (let length = Math.min(answer.length, seen.length); length > 0; length -= 1) {
    if (seen.endsWith(answer.slice(0, length))) {
      const kept = shown.slice(seen.length);
      return kept === '' || answer.slice(length).startsWith(kept)
        ? answer.slice(length + kept.length)
        : answer.slice(length);
    }
  }
  const gap = seen === '' ? '' : shown.endsWith('\n') ? '\n' : '\n\n';
  return `${gap}${answer}\n`;
}
