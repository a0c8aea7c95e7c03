/** Bytes that wait in one direction before the sender is told to wait; a cut cable holds no more than this. */
const ROOM = 1_048_576;

/**
 * One direction of one connection: what comes in waits for its time and goes out in order, the end as well.
 *
 * @typedef {{ delay: number, rate: number, held: boolean, budget: number }} Rules delay in ms, rate in bytes a second,
 *   held: nothing passes, budget: bytes after which the connection is lost
 */
export class Pipe {
  #from;
  #to;
  #rules;
  #moved;
  #lose;
  /** @type {{ at: number, piece: Buffer | undefined }[]} pieces and when they are due; without a piece it is the end */
  #queue = [];
  #waiting = 0;
  /** When what was sent so far has gone over the line, by the rate. */
  #free = 0;
  #budget;
  /** @type {NodeJS.Timeout | undefined} */
  #timer;

  /**
   * @param {import('node:net').Socket} from
   * @param {import('node:net').Socket} to
   * @param {{ rules: Rules, moved: (bytes: number) => void, lose: () => void }} options
   */
  constructor(from, to, { rules, moved, lose }) {
    this.#from = from;
    this.#to = to;
    this.#rules = rules;
    this.#moved = moved;
    this.#lose = lose;
    this.#budget = rules.budget;
    from.on('data', (piece) => this.#push(piece));
    from.on('end', () => this.#push(undefined));
    to.on('drain', () => this.wake());
  }

  /** What comes now waits so long at least, ms. @param {number} ms */
  holdFor(ms) {
    this.#free = performance.now() + ms;
  }

  /** The connection is lost after so many bytes more. @param {number} bytes */
  setBudget(bytes) {
    this.#budget = bytes;
  }

  /** Looks at the rules again. */
  wake() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#rules.held) this.#passOn();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#queue = [];
  }

  /** @param {Buffer | undefined} piece */
  #push(piece) {
    const now = performance.now();
    const size = piece?.length ?? 0;
    this.#free = Math.max(this.#free, now) + (size / this.#rules.rate) * 1_000;
    this.#queue.push({ at: this.#free + this.#rules.delay, piece });
    this.#waiting += size;
    if (this.#waiting >= ROOM) this.#from.pause();
    if (this.#timer === undefined) this.wake();
  }

  #passOn() {
    while (!this.#to.writableNeedDrain) {
      const next = this.#queue[0];
      if (next === undefined) break;
      const early = next.at - performance.now();
      if (early > 0) {
        this.#timer = setTimeout(() => this.wake(), Math.ceil(early));
        break;
      }
      this.#queue.shift();
      if (next.piece === undefined) {
        this.#to.end();
        break;
      }
      if (!this.#write(next.piece)) return;
    }
    if (this.#waiting < ROOM && this.#from.isPaused()) this.#from.resume();
  }

  /** False when the connection was lost over it. @param {Buffer} piece */
  #write(piece) {
    const part = piece.subarray(0, Math.min(piece.length, this.#budget));
    this.#waiting -= piece.length;
    this.#budget -= part.length;
    this.#moved(part.length);
    if (this.#budget > 0) {
      this.#to.write(part);
      return true;
    }
    // What passed before the loss arrives; then both sides see the connection end.
    this.#to.write(part, () => this.#lose());
    return false;
  }
}
