/**
 * Text of a program made fit for a message file: no NUL, which makes a file unreadable as a message, and no half of a
 * surrogate pair, which becomes another character on its way to the disk. The length stays. Pure.
 */
export function writable(text: string): string {
  return text.replace(/\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd');
}

/** Puts pieces of text together again where a line end (`\r\n`) or a character was cut in two; see `writable`. */
export function createWritableStream(): { push(piece: string): string; end(): string } {
  let held = '';
  return {
    push(piece) {
      const text = held + piece;
      held = /[\r\ud800-\udbff]$/.exec(text)?.[0] ?? '';
      return writable(text.slice(0, text.length - held.length)).replaceAll('\r\n', '\n');
    },
    end() {
      const rest = writable(held);
      held = '';
      return rest;
    },
  };
}
