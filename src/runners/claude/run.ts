/**
 * One run of the CLI, from its prompt to the end of its last process.
 *
 *   prompt → turns, each ending in a `result` → nothing waits: stdin closes → the process ends → its rest is swept
 *
 * A message said while a tool runs joins the turn; one said while text streams becomes the next turn. Either way the
 * CLI repeats it when it takes it in. So the run is over at a result with no said message outstanding.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunStats } from '../../core/message.js';
import type { Outcome, Run, RunEvent, RunHooks } from '../port.js';
import { type ChildEnd, endProcesses } from '../process/index.js';
import type { CliProcess } from './cli-process.js';
import { createTranslator } from './events.js';
import { asFields, asNumber, asText, type Fields, interruptLine, parseLine, userLine } from './protocol.js';
import { statsOf } from './stats.js';
import { judge, type Validator, type Verdict } from './verdict.js';

/** How long each step of an end may take before the next, harder one, ms. */
export interface Patience {
  /** From the interrupt to the result it brings. */
  interrupt: number;
  /** From closing stdin, when the run is stopped, to the exit. */
  close: number;
  /** From closing stdin after the last result to the exit. The CLI gives background commands about 5 s. */
  finish: number;
  /** From SIGTERM to SIGKILL. */
  term: number;
}

export const PATIENCE: Patience = { interrupt: 1_500, close: 1_500, finish: 15_000, term: 1_500 };

/** How long after a result a message that was said may wait for its turn in silence, ms. */
const SILENCE = 10_000;

/** Refused logins that are waited for before giving up: the CLI itself tries for minutes. */
const REFUSALS = 2;

export interface RunParts {
  cli: CliProcess;
  prompt: string;
  /** Makes plain text of what a person wrote; see prompt.ts. */
  plain: (text: string) => string;
  validate: Validator | undefined;
  hooks: RunHooks;
  patience: Patience;
  /** Called once when the run is over and nothing of it is left. */
  released(): void;
}

export function runCli({ cli, prompt, plain, validate, hooks, patience, released }: RunParts): Run {
  const began = performance.now();
  const translator = createTranslator();
  const outstanding = new Map<string, { uuid: string; text: string }>();
  let stats: RunStats = {};
  let turns = 0;
  let result: Fields | undefined;
  let apiError: string | undefined;
  let limit: { until: number | undefined } | undefined;
  let refusals = 0;
  let decided: Verdict | undefined;
  let toldError = false;
  let begun = false;
  let phase: 'running' | 'finishing' | 'stopping' = 'running';
  let stopped: Promise<void> | undefined;
  let silence: NodeJS.Timeout | undefined;
  let answered: () => void = () => undefined;
  const resultOrExit = new Promise<void>((resolve) => {
    answered = resolve;
  });

  /** After `start` has returned, so that its caller holds the run before it hears of it. */
  function begin(): void {
    if (begun || cli.pid === undefined) return;
    begun = true;
    hooks.onSpawn(cli.pid);
    cli.onLine = take;
    send(userLine(plain(prompt), randomUUID()));
  }

  function send(line: string): boolean {
    if (!cli.send(line)) return false;
    hooks.onRaw(line);
    return true;
  }

  function tell(event: RunEvent): void {
    toldError = event.type === 'Error';
    hooks.onEvent(event);
  }

  function take(raw: string): void {
    hooks.onRaw(raw);
    clearTimeout(silence);
    const line = parseLine(raw);
    if (!line) return;
    if (line['type'] === 'user' && line['isReplay'] === true) return takeReceipt(line);
    if (line['type'] === 'system') takeSystem(line);
    if (line['type'] === 'assistant') apiError = asText(line['error']);
    if (line['type'] === 'rate_limit_event') takeLimit(line);
    if (phase !== 'stopping' || line['type'] !== 'result') {
      for (const event of translator.take(line)) tell(event);
    }
    if (line['type'] === 'result') takeResult(line);
  }

  function takeReceipt(line: Fields): void {
    const said = outstanding.get(asText(line['uuid']) ?? '');
    if (!said) return;
    outstanding.delete(asText(line['uuid']) ?? '');
    tell({ type: 'Progress', kind: 'receipt', content: said.text, uuid: said.uuid });
  }

  function takeSystem(line: Fields): void {
    if (line['subtype'] === 'init') {
      result = undefined; // another turn has begun, and its result will count
      limit = undefined;
      apiError = undefined;
      refusals = 0;
      const model = asText(line['model']);
      if (model !== undefined && stats.model === undefined) stats.model = model;
    }
    if (line['subtype'] !== 'api_retry' || line['error'] !== 'authentication_failed') return;
    refusals += 1;
    if (refusals < REFUSALS || phase !== 'running') return;
    const status = asNumber(line['error_status']);
    const message = `the API refused the login${status === undefined ? '' : ` (${status})`}`;
    decided = { kind: 'parked', reason: 'login', message };
    void stop();
  }

  function takeLimit(line: Fields): void {
    const info = asFields(line['rate_limit_info']);
    if (info?.['status'] !== 'rejected') return;
    const seconds = asNumber(info['resetsAt']);
    limit = { until: seconds === undefined ? undefined : seconds * 1_000 };
  }

  function takeResult(line: Fields): void {
    result = line;
    turns += asNumber(line['num_turns']) ?? 0;
    stats = { ...stats, ...statsOf(line), turns };
    answered();
    if (phase !== 'running') return;
    if (outstanding.size === 0) return finish();
    // Its receipt should come with the next turn. Should none come, the CLI takes what it has and ends.
    silence = setTimeout(finish, SILENCE);
  }

  function finish(): void {
    if (phase !== 'running') return;
    phase = 'finishing';
    cli.closeStdin();
    const timer = setTimeout(() => void endProcesses(cli.session, cli.pid, { grace: patience.term }), patience.finish);
    void cli.ended.then(() => clearTimeout(timer));
  }

  /** Idempotent. A run whose last result is there only needs to end. */
  function stop(): Promise<void> {
    stopped ??= insist().then(() => undefined);
    return stopped;
  }

  async function insist(): Promise<void> {
    if (phase === 'running') {
      phase = 'stopping';
      if (begun && send(interruptLine(randomUUID()))) await within(patience.interrupt, resultOrExit);
    }
    cli.closeStdin();
    if (begun)
      await within(
        patience.close,
        cli.ended.then(() => undefined),
      );
    await endProcesses(cli.session, cli.pid, { grace: patience.term });
    await outcome;
  }

  function verdictOf(end: ChildEnd): Verdict {
    if (decided) return decided;
    if (end.kind === 'spawn') return judgeSpawn(end);
    if (phase === 'stopping') return { kind: 'stopped' };
    return judge({ result, apiError, limit, exit: end, stderr: cli.stderr(), validate });
  }

  /** What failed without a result of its own is told as an event too. */
  function tellEnd(verdict: Verdict): void {
    if (toldError) return;
    if (verdict.kind === 'failed') tell({ type: 'Error', code: verdict.error.code, message: verdict.error.message });
    if (verdict.kind === 'parked') tell({ type: 'Error', code: verdict.reason, message: verdict.message });
  }

  async function conclude(): Promise<Outcome> {
    const end = await cli.ended;
    clearTimeout(silence);
    answered();
    const verdict = verdictOf(end);
    if (end.kind === 'exit' && end.left) await endProcesses(cli.session, cli.pid, { grace: patience.term });
    tellEnd(verdict);
    released();
    return { ...verdict, stats: { ...stats, duration_ms: Math.round(performance.now() - began) } };
  }

  queueMicrotask(() => {
    if (phase === 'running') begin();
  });
  const outcome = conclude();

  return {
    outcome,
    stop,
    say(text, uuid) {
      if (phase !== 'running') return false;
      begin();
      const id = randomUUID(); // the CLI repeats only UUIDs; the caller's may be of any kind
      outstanding.set(id, { uuid, text });
      if (send(userLine(plain(text), id))) return true;
      outstanding.delete(id);
      return false;
    },
  };
}

/** The machine cannot start it now, or the task itself cannot be started like this. */
function judgeSpawn(end: { code: string; message: string }): Verdict {
  if (end.code === 'cwd' || end.code === 'E2BIG') {
    return { kind: 'failed', error: { code: 'spawn', message: end.message }, retry: false };
  }
  return { kind: 'parked', reason: 'unavailable', message: `claude could not be started: ${end.message}` };
}

async function within(ms: number, happens: Promise<void>): Promise<void> {
  const limit = new AbortController();
  await Promise.race([happens, sleep(ms, undefined, { signal: limit.signal }).catch(() => undefined)]);
  limit.abort();
}
