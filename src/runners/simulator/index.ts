/**
 * Runs nothing: plays a plan that was made from the prompt's own `simulate:` lines (script.ts, plan.ts) against the
 * clock. Needs no account, no network and no process, and says in its output that it is simulated.
 */
import type { SimulatorConfig } from '../../core/config.js';
import type { RunStats } from '../../core/message.js';
import type { Outcome, Run, RunEvent, RunHooks, RunRequest, Runner } from '../port.js';
import { type Ending, NOTICE, type Plan, planRun } from './plan.js';

/** Time, as the simulator needs it; a test may bring its own. */
export interface SimulatorClock {
  /** Ms since 1970. */
  now(): number;
  /** Calls back once after about `ms`; the result cancels it. */
  after(ms: number, call: () => void): () => void;
}

export interface SimulatorContext {
  /** `CLAUDE_MOCK_TEST=1` in it makes runs quick; by default this process's own. */
  environment?: NodeJS.ProcessEnv;
  clock?: SimulatorClock;
}

/** Ms a run takes by default: long enough to be watched, and as good as at once for tests. */
const PACE = 1_000;
const QUICK_PACE = 10;

const SYSTEM_CLOCK: SimulatorClock = {
  now: () => Date.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
};

export function createSimulatorRunner(config: SimulatorConfig, context: SimulatorContext = {}): Runner {
  const environment = context.environment ?? process.env;
  const pace = config.duration ?? (environment['CLAUDE_MOCK_TEST'] === '1' ? QUICK_PACE : PACE);
  return {
    name: 'simulator',
    can: { resume: true, say: true },
    inProcess: true,
    check: async () => ({ ok: true, message: 'needs no account; every answer is simulated' }),
    start: (request, hooks) => play(request, planRun(request, pace), hooks, context.clock ?? SYSTEM_CLOCK),
    close: async () => undefined,
  };
}

function play(request: RunRequest, plan: Plan, hooks: RunHooks, clock: SimulatorClock): Run {
  const started = clock.now();
  const said: { text: string; uuid: string }[] = [];
  let acknowledged = '';
  let over = false;
  let shown = 0;
  let cancel: () => void = () => undefined;
  let settle: (outcome: Outcome) => void = () => undefined;
  const outcome = new Promise<Outcome>((resolve) => {
    settle = resolve;
  });

  const tell = (event: RunEvent): void => {
    hooks.onRaw(JSON.stringify(event));
    hooks.onEvent(event);
  };
  const steps = stepsOf(plan);
  const begin = (): void => {
    const { model } = request.options;
    tell({
      type: 'Start',
      session_id: request.session,
      model: model === undefined ? 'simulator' : `simulator (${model})`,
    });
    tell({ type: 'Progress', kind: 'status', content: NOTICE });
    tick();
  };
  /** Tells all that is due, so that a late timer costs no event and no pace, then waits for what comes next. */
  function tick(): void {
    cancel();
    if (over) return;
    for (const message of said.splice(0)) acknowledge(message);
    const elapsed = clock.now() - started;
    for (let step = steps[shown]; step && step.at <= elapsed; step = steps[shown]) {
      shown += 1;
      tell(step.event);
    }
    const next = steps[shown]?.at ?? plan.duration;
    if (shown < steps.length || next > elapsed) cancel = clock.after(Math.max(1, next - elapsed), tick);
    else if (plan.ending.kind !== 'hang') end(endingOf(plan.ending));
  }
  function acknowledge({ text, uuid }: { text: string; uuid: string }): void {
    const quoted = text.length > 200 ? `${text.slice(0, 200)}…` : text;
    const content = `\n\nThe simulator took in a message: “${quoted}”\n\n`;
    acknowledged += content;
    tell({ type: 'Progress', kind: 'receipt', content: '', uuid });
    tell({ type: 'Progress', kind: 'text', content });
  }
  function endingOf(ending: Exclude<Ending, { kind: 'hang' }>): Outcome {
    const stats: RunStats = { ...plan.stats, duration_ms: Math.round(clock.now() - started) };
    if (ending.kind === 'failed') {
      tell({ type: 'Error', code: ending.error.code, message: ending.error.message });
      return { ...ending, stats };
    }
    if (ending.kind === 'parked') {
      const { reason, message, wait } = ending;
      tell({ type: 'Error', code: reason, message });
      return { kind: 'parked', reason, message, stats, ...(wait === undefined ? {} : { until: clock.now() + wait }) };
    }
    // JSON stays JSON; a message that came into it is acknowledged in the streamed text alone.
    const result = 'structured_output' in ending ? ending.result : (ending.result + acknowledged).trimEnd();
    const complete = { ...ending, result };
    const { kind: _, ...answer } = complete;
    tell({ type: 'Result', ...answer, session_id: request.session, ...stats });
    return { ...complete, stats };
  }
  function end(result: Outcome): void {
    over = true;
    cancel();
    settle(result);
  }

  // Nothing is told before the caller holds the run.
  queueMicrotask(() => {
    if (!over) begin();
  });
  return {
    outcome,
    say: (text, uuid) => {
      if (over) return false;
      said.push({ text, uuid });
      cancel();
      cancel = clock.after(0, tick);
      return true;
    },
    stop: async () => {
      if (!over) end({ kind: 'stopped', stats: { ...plan.stats, duration_ms: Math.round(clock.now() - started) } });
      await outcome;
    },
  };
}

/** Events with the ms at which each is due: tool calls in the first part of the time, text in the rest. */
function stepsOf(plan: Plan): { at: number; event: RunEvent }[] {
  const slots = plan.tools.length * 2;
  const forTools = plan.tools.length === 0 ? 0 : plan.duration / 3;
  const calls = plan.tools.flatMap(({ tool, args, output }, n) => {
    const id = `simulated-${n + 1}`;
    return [
      { at: (forTools * 2 * n) / slots, event: { type: 'ToolUse' as const, phase: 'call' as const, id, tool, args } },
      {
        at: (forTools * (2 * n + 1)) / slots,
        event: { type: 'ToolUse' as const, phase: 'result' as const, id, tool, args, output },
      },
    ];
  });
  const forText = plan.duration - forTools;
  const texts = plan.pieces.map((content, n) => ({
    at: forTools + (forText * n) / plan.pieces.length,
    event: { type: 'Progress' as const, kind: 'text' as const, content },
  }));
  return [...calls, ...texts];
}
