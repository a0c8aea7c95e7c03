/** Git's objects: immutable, found by an id, the same content being the same object. */
import type { Copy, Tree } from './tree.js';

export interface Commit {
  readonly parent: number | null;
  readonly tree: Tree;
}

/** A claim commit. */
export interface Claim {
  readonly host: string;
  readonly epoch: number;
  /** What makes it a new object. */
  readonly nonce: number;
  /** The message that it was made from. */
  readonly base: Copy;
  /** What became of it, in a done claim. */
  readonly done: Copy | null;
}

export class Objects {
  readonly commits: Interned<Commit> = new Interned<Commit>();
  readonly claims: Interned<Claim> = new Interned<Claim>();

  isAncestor(id: number, of: number): boolean {
    for (let at: number | null = of; at !== null; at = this.commits.get(at).parent) if (at === id) return true;
    return false;
  }

  /** Whether main has, or ever had, the output of this run. */
  hasHeld(main: number, run: string): boolean {
    for (let at: number | null = main; at !== null; at = this.commits.get(at).parent) {
      if (Object.values(this.commits.get(at).tree).some(({ runs }) => runs.includes(run))) return true;
    }
    return false;
  }
}

/** The run that a result adds to what it was made from. */
export function newRun(base: Copy | null, result: Copy | null): string | undefined {
  return result?.file.runs.find((run) => base?.file.runs.includes(run) !== true);
}

class Interned<T> {
  readonly #values: T[] = [];
  readonly #ids = new Map<string, number>();

  put(value: T): number {
    const key = JSON.stringify(value);
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    this.#ids.set(key, this.#values.length);
    return this.#values.push(value) - 1;
  }

  get(id: number): T {
    const value = this.#values[id];
    if (value === undefined) throw new Error(`found no object ${id} among ${this.#values.length}`);
    return value;
  }
}
