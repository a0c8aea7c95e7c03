/** Counts and sums over all rows, in one pass when they are asked for: 100,000 rows take a few milliseconds. */
import { STATES, type State } from '../core/message.js';
import { F64, F64_ROW, FLAG, U32, U32_ROW } from './rows.js';
import { OUTCOMES, type Table } from './table.js';

/** Milliseconds; percentiles are exact, and 0 where nothing was counted. */
export interface Times {
  count: number;
  sum: number;
  p50: number;
  p95: number;
  max: number;
}

export interface Spending {
  cost_usd: number;
  /** Tasks that have been run, or are being run. */
  tasks: number;
}

export type StateCounts = Record<State, number>;

export interface CatalogStats {
  total: number;
  by_state: StateCounts;
  by_mailbox: Record<string, StateCounts>;
  by_sender: Record<string, StateCounts & Spending>;
  by_type: { task: number; chat: number };
  /** Finished messages by how they ended. */
  outcomes: Record<string, number>;
  /** Failures by the code of their reason. */
  failures: Record<string, number>;
  /** From sent to claimed. */
  waiting_ms: Times;
  running_ms: Times;
  attempts: number;
  crashes: number;
  runs: number;
  turns: number;
  tokens_in: number;
  tokens_out: number;
  cost_usd: number;
  /** By the UTC day (`2026-11-20`) of each message's last change, oldest first; at most the newest 366. */
  by_day: Record<string, Spending>;
}

const DAY = 86_400_000;
/** Costs are summed as whole billionths of a dollar, so that sums do not depend on their order. */
const NANO = 1e9;

export function computeStats(table: Table): CatalogStats {
  const waiting = new Sample(table.size);
  const running = new Sample(table.size);
  const mailboxes: StateCounts[] = [];
  const senders: (StateCounts & Spending)[] = [];
  const days = new Map<number, Spending>();
  const outcomes = OUTCOMES.map(() => 0);
  const failures = new Map<number, number>();
  const by_state = noCounts();
  const sums = { attempts: 0, crashes: 0, runs: 0, turns: 0, tokens_in: 0, tokens_out: 0 };
  let chats = 0;
  let cost = 0;
  for (const { f64, u32, rows } of table.rows.pages()) {
    for (let row = 0; row < rows; row++) {
      const f = row * F64_ROW;
      const u = row * U32_ROW;
      const flags = u32[u + U32.flags] as number;
      if ((flags & FLAG.live) === 0) continue;
      const state = STATES[flags & FLAG.state] as State;
      by_state[state]++;
      (mailboxes[u32[u + U32.mailbox] as number] ??= noCounts())[state]++;
      const sender = (senders[u32[u + U32.from] as number] ??= noSender());
      sender[state]++;
      const day = entry(days, Math.floor((f64[f + F64.updated] as number) / DAY), noSpending);
      const nano = nanoCost(f64[f + F64.cost] as number);
      cost += nano;
      sender.cost_usd += nano;
      day.cost_usd += nano;
      if (isSpent(flags, u32[u + U32.runs] as number)) {
        sender.tasks++;
        day.tasks++;
      }
      if ((flags & FLAG.chat) !== 0) chats++;
      const outcome = (flags >> FLAG.outcomeShift) & FLAG.outcome;
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      const reason = u32[u + U32.reason] as number;
      if (reason !== 0 && state === 'failed') failures.set(reason - 1, (failures.get(reason - 1) ?? 0) + 1);
      waiting.add(f64[f + F64.waiting] as number);
      running.add(f64[f + F64.running] as number);
      sums.attempts += u32[u + U32.attempts] as number;
      sums.crashes += u32[u + U32.crashes] as number;
      sums.runs += u32[u + U32.runs] as number;
      sums.turns += u32[u + U32.turns] as number;
      sums.tokens_in += u32[u + U32.tokensIn] as number;
      sums.tokens_out += u32[u + U32.tokensOut] as number;
    }
  }
  const inDollars = <T extends Spending>(spending: T): T => ({ ...spending, cost_usd: spending.cost_usd / NANO });
  const newestDays = [...days].sort(([a], [b]) => a - b).slice(-366);
  return {
    total: table.size,
    by_state,
    by_mailbox: named(mailboxes.entries(), (number) => table.mailboxes.text(number)),
    by_sender: named(senders.entries(), (number) => table.senders.text(number), inDollars),
    by_type: { task: table.size - chats, chat: chats },
    outcomes: Object.fromEntries(OUTCOMES.flatMap((name, i) => (name && outcomes[i] ? [[name, outcomes[i]]] : []))),
    failures: named(failures, (number) => table.reasons.text(number)),
    waiting_ms: waiting.times(),
    running_ms: running.times(),
    ...sums,
    cost_usd: cost / NANO,
    by_day: Object.fromEntries(newestDays.map(([day, spending]) => [dayName(day), inDollars(spending)])),
  };
}

/** Billionths of a dollar; none for a message that has no cost. */
export function nanoCost(cost: number): number {
  return Number.isNaN(cost) ? 0 : Math.round(cost * NANO);
}

/** Whether a message counts as a task that was run or is being run. */
export function isSpent(flags: number, runs: number): boolean {
  return (flags & FLAG.chat) === 0 && (runs > 0 || STATES[flags & FLAG.state] === 'in_progress');
}

class Sample {
  readonly #values: Float64Array;
  #count = 0;
  #sum = 0;

  constructor(atMost: number) {
    this.#values = new Float64Array(atMost);
  }

  add(value: number): void {
    if (Number.isNaN(value)) return;
    this.#values[this.#count++] = value;
    this.#sum += value;
  }

  times(): Times {
    const values = this.#values.subarray(0, this.#count);
    const at = (share: number): number => {
      const rank = Math.max(0, Math.ceil(share * values.length) - 1);
      return values.length === 0 ? 0 : selectRank(values, rank);
    };
    return { count: this.#count, sum: this.#sum, p50: at(0.5), p95: at(0.95), max: at(1) };
  }
}

/** The value that would be at `rank` if the values were sorted; moves them about. A sort of all takes five times as long. */
function selectRank(values: Float64Array, rank: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const pivot = values[(low + high) >> 1] as number;
    let i = low;
    let j = high;
    while (i <= j) {
      while ((values[i] as number) < pivot) i++;
      while ((values[j] as number) > pivot) j--;
      if (i > j) break;
      const kept = values[i] as number;
      values[i++] = values[j] as number;
      values[j--] = kept;
    }
    if (rank <= j) high = j;
    else if (rank >= i) low = i;
    else break;
  }
  return values[rank] as number;
}

function dayName(day: number): string {
  const time = new Date(day * DAY);
  return Number.isNaN(time.getTime()) ? 'unknown' : time.toISOString().slice(0, 10);
}

function entry<T>(map: Map<number, T>, key: number, none: () => T): T {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = none()));
  return value;
}

/** `fromEntries` makes own properties, whatever the name: a sender may be called `__proto__`. */
function named<T>(
  values: Iterable<[number, T | undefined]>,
  name: (number: number) => string,
  change = (value: T): T => value,
): Record<string, T> {
  // A number that no row has is a hole in the array.
  return Object.fromEntries([...values].flatMap(([number, value]) => (value ? [[name(number), change(value)]] : [])));
}

function noCounts(): StateCounts {
  return { inbox: 0, in_progress: 0, complete: 0, failed: 0 };
}

function noSpending(): Spending {
  return { cost_usd: 0, tasks: 0 };
}

function noSender(): StateCounts & Spending {
  return { ...noCounts(), ...noSpending() };
}
