/** The end of the journal that is not on disk yet: lines in chunks of memory, each with its offset in the journal. */
import { crc32 } from 'node:zlib';
import { journalAt, type Span } from './span.js';

const CHUNK = 64 * 1024;
/** `p 1a2b3c4d ` before the text. */
export const PREFIX = 11;

/** `h`: the header. `p`: a record. `r`: a removed place, as `[mailbox, state, name]`. */
export type Op = 'h' | 'p' | 'r';

export interface Chunk {
  at: number;
  used: number;
  bytes: Buffer;
  /** It takes no more lines. */
  closed: boolean;
}

export class Tail {
  /** Bytes of the journal, those in memory included. */
  end = 0;
  #chunks: Chunk[] = [];
  /** Memory of chunks that are on disk, for the next ones: garbage of this size is collected late. */
  #spare: Buffer[] = [];

  /** Adds a line; the span is that of its text. */
  add(op: Op, text: string): Span {
    const length = Buffer.byteLength(text);
    const need = PREFIX + length + 1;
    let chunk = this.#chunks.at(-1);
    if (!chunk || chunk.closed || chunk.bytes.length - chunk.used < need) {
      const spare = need > CHUNK ? undefined : this.#spare.pop();
      chunk = { at: this.end, used: 0, bytes: spare ?? Buffer.allocUnsafeSlow(Math.max(CHUNK, need)), closed: false };
      this.#chunks.push(chunk);
    }
    const from = chunk.used + PREFIX;
    chunk.bytes.write(text, from);
    const crc = crc32(chunk.bytes.subarray(from, from + length));
    chunk.bytes.write(`${op} ${crc.toString(16).padStart(8, '0')} `, chunk.used, 'latin1');
    chunk.bytes[from + length] = 10;
    const at = journalAt(chunk.at + from);
    chunk.used += need;
    this.end += need;
    return { at, length, crc };
  }

  /** The bytes at an offset of the journal, when they are still here. */
  read(offset: number, length: number): Buffer | undefined {
    for (let i = this.#chunks.length - 1; i >= 0; i--) {
      const chunk = this.#chunks[i] as Chunk;
      if (offset < chunk.at) continue;
      const from = offset - chunk.at;
      return from + length <= chunk.used ? chunk.bytes.subarray(from, from + length) : undefined;
    }
    return undefined;
  }

  /** Bytes of the journal before the first that is here. */
  get start(): number {
    return this.#chunks[0]?.at ?? this.end;
  }

  /** The first chunk, which takes no more lines; `done` drops it. */
  take(): Chunk | undefined {
    const first = this.#chunks[0];
    if (first) first.closed = true;
    return first;
  }

  done(chunk: Chunk): void {
    this.#chunks = this.#chunks.filter((each) => each !== chunk);
    if (chunk.bytes.length === CHUNK && this.#spare.length < 4) this.#spare.push(chunk.bytes);
  }

  /** The full chunks after the first, which may be under way to the disk. */
  full(): Chunk[] {
    return this.#chunks.slice(1, -1);
  }

  /** The journal begins anew with `removed` bytes less. */
  shift(removed: number): void {
    for (const chunk of this.#chunks) chunk.at -= removed;
    this.end -= removed;
  }
}
