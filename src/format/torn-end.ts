/** The bytes without a UTF-8 character that was cut off at their end: what a crash in the middle of an append leaves. */
export function trimTornEnd<T extends Uint8Array>(bytes: T): T {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0b1100_0000) === 0b1000_0000) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? (bytes.subarray(0, bytes.length - back) as T) : bytes;
  }
  return bytes;
}
