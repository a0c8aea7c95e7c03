/** Scrubs text that arrives in pieces: what may be the beginning of a secret waits until its end is there. Pure. */
import { scrub } from './scrub.js';

/** The most that waits, characters: no key is longer, and hostile text must not hold the rest back. */
const LONGEST = 4_096;

/** What a secret, or the word that announces one, may begin with. */
const BEGINNINGS = [
  ...['sk-ant-', 'ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_', 'github_pat_', 'glpat-', '://'],
  ...['bearer', 'basic', 'authorization', 'anthropic', 'claude'],
];
const BEGUN = new RegExp(BEGINNINGS.join('|'), 'i');
/** Names whose value may hold spaces. */
const NAME = /anthropic_|(?:anthropic|claude)\w{0,64}(?:key|token|secret|password)/i;
/** What may stand before the unfinished last word and make a secret of it, by the number of words between. */
const ANNOUNCING = [/bearer|basic|authorization/i, /authorization/i, /authorization/i];

export interface ScrubStream {
  /** Takes a piece; returns the scrubbed text that is certain by now, which may be empty. */
  push(piece: string): string;
  /** The rest, when no more follows. */
  end(): string;
}

export function createScrubStream(): ScrubStream {
  let held = '';
  return {
    push(piece) {
      const text = held + piece;
      const from = unfinishedFrom(text);
      held = text.slice(from);
      return scrub(text.slice(0, from));
    },
    end() {
      const rest = scrub(held);
      held = '';
      return rest;
    },
  };
}

/** Where in `text` that begins what may yet become a secret; its length when nothing may. No secret spans two lines. */
function unfinishedFrom(text: string): number {
  const line = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r')) + 1;
  const start = Math.max(line, text.length - LONGEST);
  const tail = text.slice(start);
  const name = tail.search(NAME);
  if (name !== -1) return start + wordStart(tail, name);
  const last = wordStart(tail, tail.length);
  let from = mayBegin(tail.slice(last)) ? last : tail.length;
  let word = last;
  for (const announcing of ANNOUNCING) {
    const end = tail.slice(0, word).trimEnd().length;
    word = wordStart(tail, end);
    if (announcing.test(tail.slice(word, end))) from = word;
  }
  return start + from;
}

/** The beginning of the word that holds or ends at `at`. Words are runs of printable ASCII, as secrets are. */
function wordStart(text: string, at: number): number {
  let start = at;
  while (start > 0 && /[!-~]/.test(text[start - 1] ?? '')) start -= 1;
  return start;
}

function mayBegin(word: string): boolean {
  if (BEGUN.test(word)) return true;
  const end = word.slice(-12).toLowerCase();
  return BEGINNINGS.some((beginning) => {
    for (let length = beginning.length - 1; length > 0; length -= 1) {
      if (end.endsWith(beginning.slice(0, length))) return true;
    }
    return false;
  });
}
