/**
 * Front matter in the form that mailboxd itself writes (renderField in front-matter.ts), and plain words as a person
 * writes them, read without a YAML parser, some fifty times faster: an index of 100,000 messages is rebuilt in seconds,
 * and a message that passes through the daemon is not parsed at each step.
 *
 *     key: "text" · 12 · true · null · [ … ] · { a: "b", … } · some words
 *     key:
 *       - { … }
 *
 * Exactly this form, to the space. Anything else, and whatever could mean something else in YAML, is `undefined`, and the
 * real parser reads it. A property test holds both to the same answer.
 */
import { CONTROL } from './yaml.js';

export interface OwnBlock {
  fields: Record<string, unknown>;
  /** Where each field's lines are in the block. */
  lines: { key: string; start: number; end: number }[];
}

const LONGEST = 16 * 1024;
const MAX_DEPTH = 16;
const MAX_KEYS = 500;

const NUMBER = /-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?(?:[eE][+-]?\d{1,3})?(?![^\n,\] ])/y;
/** Words from the letter they begin with to the end of the line: nothing in them means anything to YAML. */
const PLAIN = /[A-Za-z][A-Za-z0-9_./@-]*(?: [A-Za-z0-9_./@,()+-]+)*(?=\n)/y;
/** What they may not be: YAML reads other things than text in them. */
const NO_TEXT = /^(?:null|true|false)$/i;
const WORDS: [string, unknown][] = [
  ['true', true],
  ['false', false],
  ['null', null],
];
/** As keys, YAML reads these as other things than text; and one is no ordinary key of an object. */
const NO_KEYS = new Set(['null', 'true', 'false', '__proto__']);

const DECLINED = Symbol('declined');

function isNoKey(key: string): boolean {
  return (key.length === 4 || key.length === 5 || key.length === 9) && NO_KEYS.has(key.toLowerCase());
}

/** Letters, digits and `_`. */
function isWordCode(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || (code >= 0x30 && code <= 0x39) || code === 0x5f
  );
}

/** Thrown nowhere: a text that is not of the form makes every method return `DECLINED`. */
class Scanner {
  at = 0;
  #keys = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  take(word: string): boolean {
    if (!this.#text.startsWith(word, this.at)) return false;
    this.at += word.length;
    return true;
  }

  /** `key:`; undefined when there is none. */
  key(): string | undefined {
    const start = this.at;
    let end = start;
    while (isWordCode(this.#text.charCodeAt(end))) end += 1;
    const first = this.#text.charCodeAt(start);
    if (end === start || (first >= 0x30 && first <= 0x39) || this.#text.charCodeAt(end) !== 0x3a) return undefined;
    const key = this.#text.slice(start, end);
    if (++this.#keys > MAX_KEYS || isNoKey(key)) return undefined;
    this.at = end + 1;
    return key;
  }

  value(depth: number): unknown {
    if (depth > MAX_DEPTH) return DECLINED;
    switch (this.#text.charCodeAt(this.at)) {
      case 0x22:
        return this.#string();
      case 0x5b:
        return this.#list(depth);
      case 0x7b:
        return this.#map(depth);
      default:
        return this.#scalar();
    }
  }

  #string(): unknown {
    const start = this.at + 1;
    let end = this.#text.indexOf('"', start);
    const first = end;
    // A quote behind an odd number of backslashes is text.
    while (end !== -1 && this.#isEscaped(end)) end = this.#text.indexOf('"', end + 1);
    if (end === -1) return DECLINED;
    this.at = end + 1;
    const inner = this.#text.slice(start, end);
    if (inner.includes('\n')) return DECLINED;
    if (end === first && !inner.includes('\\')) return inner;
    try {
      return JSON.parse(`"${inner}"`);
    } catch {
      return DECLINED;
    }
  }

  #isEscaped(at: number): boolean {
    let slashes = 0;
    while (this.#text.charCodeAt(at - 1 - slashes) === 0x5c) slashes += 1;
    return slashes % 2 === 1;
  }

  #list(depth: number): unknown {
    this.at += 1;
    const items: unknown[] = [];
    if (this.take(']')) return items;
    for (;;) {
      const item = this.value(depth + 1);
      if (item === DECLINED || ++this.#keys > MAX_KEYS) return DECLINED;
      items.push(item);
      if (this.take(']')) return items;
      if (!this.take(', ')) return DECLINED;
    }
  }

  #map(depth: number): unknown {
    this.at += 1;
    const map: Record<string, unknown> = {};
    if (this.take('}')) return map;
    if (!this.take(' ')) return DECLINED;
    for (;;) {
      const key = this.key();
      if (key === undefined || map[key] !== undefined || !this.take(' ')) return DECLINED;
      const value = this.value(depth + 1);
      if (value === DECLINED) return DECLINED;
      map[key] = value;
      if (this.take(' }')) return map;
      if (!this.take(', ')) return DECLINED;
    }
  }

  /** A value of some words, to the end of the line. */
  words(): unknown {
    if (this.#text.charCodeAt(this.at) < 0x41) return DECLINED; // a quote or a digit
    PLAIN.lastIndex = this.at;
    const text = PLAIN.exec(this.#text)?.[0];
    if (text === undefined || NO_TEXT.test(text)) return DECLINED;
    this.at = PLAIN.lastIndex;
    return text;
  }

  #scalar(): unknown {
    const first = this.#text.charCodeAt(this.at);
    if (first >= 0x61) {
      for (const [word, value] of WORDS) if (this.take(word)) return value;
      return DECLINED;
    }
    NUMBER.lastIndex = this.at;
    const number = NUMBER.exec(this.#text)?.[0];
    if (number === undefined || Object.is(Number(number), -0)) return DECLINED;
    this.at = NUMBER.lastIndex;
    return Number(number);
  }
}

/** The fields of a block of our own form; undefined for any other. */
export function scanOwnBlock(block: string): OwnBlock | undefined {
  if (block === '' || block.length > LONGEST || !block.endsWith('\n') || CONTROL.test(block)) return undefined;
  const scanner = new Scanner(block);
  const fields: Record<string, unknown> = {};
  const lines: OwnBlock['lines'] = [];
  while (scanner.at < block.length) {
    const start = scanner.at;
    const key = scanner.key();
    if (key === undefined || Object.hasOwn(fields, key)) return undefined;
    const value = scanner.take('\n') ? scanItems(scanner) : scanLine(scanner);
    if (value === DECLINED) return undefined;
    fields[key] = value;
    lines.push({ key, start, end: scanner.at });
  }
  return { fields, lines };
}

/** A value behind the colon, to the end of its line. */
function scanLine(scanner: Scanner): unknown {
  if (!scanner.take(' ')) return DECLINED;
  const text = scanner.words();
  const value = text === DECLINED ? scanner.value(0) : text;
  return scanner.take('\n') ? value : DECLINED;
}

/** `  - { … }` a line, at least one. */
function scanItems(scanner: Scanner): unknown {
  const items: unknown[] = [];
  while (scanner.take('  - ')) {
    const item = scanner.value(1);
    if (item === DECLINED || typeof item !== 'object' || !scanner.take('\n')) return DECLINED;
    items.push(item);
  }
  return items.length === 0 ? DECLINED : items;
}
