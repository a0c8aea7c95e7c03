/** What each sender has spent since a time, kept in step with the table: a limit is asked for before each claim. */
import { F64, U32 } from './rows.js';
import { isSpent, nanoCost, type Spending } from './stats.js';
import type { Table } from './table.js';

export class SpendingWindow {
  readonly #table: Table;
  #since = Number.NaN;
  #bySender = new Map<number, { nano: number; tasks: number }>();
  #watched = false;

  constructor(table: Table) {
    this.#table = table;
  }

  /** Sums over messages last changed at or after `since` (ms), of one sender or of all. Cheap while `since` stays. */
  since(since: number, sender?: string): Spending {
    if (since !== this.#since) this.#begin(since);
    let nano = 0;
    let tasks = 0;
    const only = sender === undefined ? undefined : this.#table.senders.find(sender);
    for (const [number, sums] of this.#bySender) {
      if (only !== undefined && number !== only) continue;
      nano += sums.nano;
      tasks += sums.tasks;
    }
    return { cost_usd: nano / 1e9, tasks };
  }

  #begin(since: number): void {
    this.#since = since;
    this.#bySender = new Map();
    const { rows } = this.#table;
    for (let slot = 0; slot < rows.used; slot++) if (rows.isLive(slot)) this.#add(slot, 1);
    if (this.#watched) return;
    this.#watched = true;
    this.#table.watch({ before: (slot) => this.#add(slot, -1), after: (slot) => this.#add(slot, 1) });
  }

  #add(slot: number, sign: 1 | -1): void {
    const { rows } = this.#table;
    if (!(rows.f64(slot, F64.updated) >= this.#since)) return;
    const number = rows.u32(slot, U32.from);
    const sums = this.#bySender.get(number) ?? { nano: 0, tasks: 0 };
    sums.nano += sign * nanoCost(rows.f64(slot, F64.cost));
    if (isSpent(rows.u32(slot, U32.flags), rows.u32(slot, U32.runs))) sums.tasks += sign;
    // A sender's number may go to another one, so nothing of it may stay.
    if (sums.nano === 0 && sums.tasks === 0) this.#bySender.delete(number);
    else this.#bySender.set(number, sums);
  }
}
