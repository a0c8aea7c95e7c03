/** Numbers for texts that recur (mailboxes, senders, reasons), given back when the last row with one is gone. */
export class Interner {
  readonly #numbers = new Map<string, number>();
  readonly #texts: string[] = [];
  readonly #uses: number[] = [];
  readonly #free: number[] = [];

  /** The number of a text, with one more use of it. */
  add(text: string): number {
    let number = this.#numbers.get(text);
    if (number === undefined) {
      number = this.#free.pop() ?? this.#texts.length;
      // A copy: a slice of a file's text would keep the whole text in memory.
      const own = Buffer.from(text, 'utf16le').toString('utf16le');
      this.#numbers.set(own, number);
      this.#texts[number] = own;
      this.#uses[number] = 0;
    }
    this.#uses[number] = (this.#uses[number] ?? 0) + 1;
    return number;
  }

  release(number: number): void {
    const uses = (this.#uses[number] ?? 0) - 1;
    this.#uses[number] = uses;
    if (uses > 0) return;
    this.#numbers.delete(this.#texts[number] ?? '');
    this.#texts[number] = '';
    this.#free.push(number);
  }

  /** The number of a text that is in use, or -1. */
  find(text: string): number {
    return this.#numbers.get(text) ?? -1;
  }

  text(number: number): string {
    return this.#texts[number] ?? '';
  }
}
