import { StringDecoder } from 'node:string_decoder';

export interface LineReader {
  push(chunk: Buffer): void;
  /** Gives out a last line that has no newline. */
  end(): void;
}

export interface LineOptions {
  /** Longest line kept, in bytes. The rest of a longer one is counted and dropped, so it never fills the memory. */
  limit: number;
  /** One line without its newline (and without a `\r` before it). `dropped`: bytes cut off its end. */
  onLine(line: string, dropped: number): void;
}

/** Splits chunks into lines. Works on bytes and decodes whole lines, so that UTF-8 survives any chunk border. */
export function createLineReader({ limit, onLine }: LineOptions): LineReader {
  let parts: Buffer[] = [];
  let kept = 0;
  let dropped = 0;

  function keep(part: Buffer): void {
    const room = limit - kept;
    if (part.length > room) dropped += part.length - room;
    // A copy: a slice would keep its whole chunk alive, and a slow line would hold one for each few bytes.
    if (room > 0 && part.length > 0) {
      const piece = Buffer.from(part.subarray(0, room));
      parts.push(piece);
      kept += piece.length;
    }
    if (parts.length > 1_024) parts = [Buffer.concat(parts)];
  }

  function emit(last: Buffer): void {
    if (parts.length === 0 && last.length <= limit) {
      onLine(textOf(last, 0), 0);
      return;
    }
    keep(last);
    const line = textOf(parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts), dropped);
    const cut = dropped;
    parts = [];
    kept = 0;
    dropped = 0;
    onLine(line, cut);
  }

  return {
    push(chunk) {
      let start = 0;
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, start)) {
        emit(chunk.subarray(start, at));
        start = at + 1;
      }
      if (start < chunk.length) keep(chunk.subarray(start));
    },
    end() {
      if (kept > 0 || dropped > 0) emit(Buffer.alloc(0));
    },
  };
}

function textOf(bytes: Buffer, dropped: number): string {
  // A cut line may end inside a character; the decoder withholds the broken rest of it.
  if (dropped > 0) return new StringDecoder('utf8').write(bytes);
  const end = bytes.at(-1) === 13 ? bytes.length - 1 : bytes.length;
  return bytes.toString('utf8', 0, end);
}
