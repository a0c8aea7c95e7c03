export interface BoundedText {
  add(text: string): void;
  /** What was kept, and a line that says how much was not. */
  read(): string;
}

/** Text that keeps its head: at most `limit` UTF-16 units, however much is added. */
export function keepHead(limit: number): BoundedText {
  const parts: string[] = [];
  let kept = 0;
  let dropped = 0;
  return {
    add(text) {
      const head = text.slice(0, limit - kept);
      if (head !== '') parts.push(head);
      kept += head.length;
      dropped += text.length - head.length;
    },
    read: () => parts.join('') + (dropped > 0 ? `\n\n[cut here: ${dropped} more characters were not kept]` : ''),
  };
}

/** Text that keeps its tail: at least the last `limit` UTF-16 units, at most twice as many. */
export function keepTail(limit: number): BoundedText {
  let text = '';
  let dropped = 0;
  return {
    add(more) {
      text += more;
      if (text.length <= 2 * limit) return;
      dropped += text.length - limit;
      text = text.slice(-limit);
    },
    read: () => (dropped > 0 ? `[${dropped} characters before this were not kept] ${text}` : text),
  };
}
