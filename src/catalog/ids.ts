/** Message ids in rows: 16 bytes that compare as the ids do, exact for a UUID and for up to 16 characters. */
import { hashed, hashText } from './hash.js';
import { FLAG, U32, type Rows } from './rows.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Writes an id into a row, and returns the flag that says how. */
export function packId(rows: Rows, slot: number, id: string): number {
  hashText(id);
  rows.setU32(slot, U32.idA, hashed.a);
  rows.setU32(slot, U32.idB, hashed.b);
  const uuid = UUID.test(id);
  for (let i = 0; i < 4; i++) rows.setU32(slot, U32.id + i, wordOf(id, uuid, i));
  return uuid ? FLAG.uuid : 0;
}

/** Whether a row that has the hash of `id` has this id, as far as the row can tell. */
export function isId(rows: Rows, slot: number, id: string): boolean {
  const uuid = UUID.test(id);
  if (((rows.u32(slot, U32.flags) & FLAG.uuid) !== 0) !== uuid) return false;
  for (let i = 0; i < 4; i++) if (rows.u32(slot, U32.id + i) !== wordOf(id, uuid, i)) return false;
  return true;
}

/** The id's text: whole for a UUID, else its first 16 characters. */
export function idText(rows: Rows, slot: number): string {
  const words = [0, 1, 2, 3].map((i) => rows.u32(slot, U32.id + i));
  const hex = words.map((word) => word.toString(16).padStart(8, '0')).join('');
  if ((rows.u32(slot, U32.flags) & FLAG.uuid) === 0)
    return Buffer.from(hex, 'hex').toString('latin1').replace(/\0+$/, '');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Ascending by id; longer ids that begin with the same 16 characters come in some fixed order. */
export function compareIds(rows: Rows, one: number, other: number): number {
  const mixed = ((rows.u32(one, U32.flags) ^ rows.u32(other, U32.flags)) & FLAG.uuid) !== 0;
  if (mixed) return idText(rows, one) < idText(rows, other) ? -1 : 1;
  for (let i = 0; i < 4; i++) {
    const difference = rows.u32(one, U32.id + i) - rows.u32(other, U32.id + i);
    if (difference !== 0) return difference;
  }
  return (
    rows.u32(one, U32.idA) - rows.u32(other, U32.idA) ||
    rows.u32(one, U32.idB) - rows.u32(other, U32.idB) ||
    rows.u32(one, U32.placeA) - rows.u32(other, U32.placeA) ||
    rows.u32(one, U32.placeB) - rows.u32(other, U32.placeB)
  );
}

/** A test for rows whose id begins with `prefix`, as far as a row can tell. */
export function prefixTest(rows: Rows, prefix: string): (slot: number) => boolean {
  const hex = prefix.replaceAll('-', '');
  const inHex = wantedWords(hex, 8, (digits) => Number.parseInt(digits, 16));
  const inText = wantedWords(prefix.slice(0, 16), 4, (digits) => textWord(digits, 0, digits.length));
  const couldBeUuid =
    prefix.length <= 36 && UUID.test(prefix + '00000000-0000-0000-0000-000000000000'.slice(prefix.length));
  return (slot) => {
    const uuid = (rows.u32(slot, U32.flags) & FLAG.uuid) !== 0;
    if (uuid && !couldBeUuid) return false;
    for (const { field, shift, value } of uuid ? inHex : inText) {
      if (rows.u32(slot, field) >>> shift !== value) return false;
    }
    return true;
  };
}

/** What the leading bits of an id's words must be for it to begin with a text of `each` characters a word. */
function wantedWords(
  text: string,
  each: number,
  parse: (digits: string) => number,
): { field: number; shift: number; value: number }[] {
  const words = [];
  for (let i = 0; i * each < text.length; i++) {
    const digits = text.slice(i * each, (i + 1) * each);
    words.push({ field: U32.id + i, shift: 32 - (digits.length * 32) / each, value: parse(digits) });
  }
  return words;
}

function wordOf(id: string, uuid: boolean, word: number): number {
  if (!uuid) return textWord(id, word * 4, 4);
  if (word === 0) return hexWord(id, 0);
  if (word === 1) return hexHalf(id, 9) * 0x10000 + hexHalf(id, 14);
  if (word === 2) return hexHalf(id, 19) * 0x10000 + hexHalf(id, 24);
  return hexWord(id, 28);
}

function textWord(text: string, from: number, count: number): number {
  let word = 0;
  for (let i = from; i < from + count; i++) word = word * 256 + (i < text.length ? text.charCodeAt(i) & 255 : 0);
  return word;
}

function hexWord(text: string, from: number): number {
  return hexHalf(text, from) * 0x10000 + hexHalf(text, from + 4);
}

function hexHalf(text: string, from: number): number {
  let half = 0;
  for (let i = from; i < from + 4; i++) {
    const code = text.charCodeAt(i);
    half = half * 16 + (code <= 57 ? code - 48 : code - 87);
  }
  return half;
}
