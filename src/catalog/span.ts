/** Where a record's text is. */
export interface Span {
  /** The byte in the snapshot, or -1 minus the byte in the journal. */
  at: number;
  /** Bytes. */
  length: number;
  /** CRC-32 of the text. */
  crc: number;
}

export function journalAt(offset: number): number {
  return -1 - offset;
}

/** The offset in the journal of a span that is there, else undefined. */
export function journalOffset(at: number): number | undefined {
  return at < 0 ? -1 - at : undefined;
}
