import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ENGINE_FIELDS } from '../../src/core/message.js';
import { armourSignature, canonicalJson, signatureBody, signedPayload } from '../../src/core/signature.js';

const FRONT = { id: 'm-1', to: 'server', from: 'laptop', created: '2026-11-20T10:30:00Z', type: 'task' };

describe('what a signature covers', () => {
  it('is written down for the first form', () => {
    const front = { ...FRONT, options: { tools: ['b', 'a'], model: 'x' }, note: null };
    expect(signedPayload(front, 'Hello.\n', [{ name: 'a "b".txt', sha256: '0'.repeat(64) }])).toBe(
      `mailboxd-message-v1\nfields {"created":"2026-11-20T10:30:00Z","from":"laptop","id":"m-1","note":null,` +
        `"options":{"model":"x","tools":["b","a"]},"to":"server","type":"task"}\n` +
        'text sha256 a2c064616af4c66c576821616646bdfad5556a263b4b007847605118971f4389\n' +
        `attachment "a \\"b\\".txt" sha256 ${'0'.repeat(64)}\n`,
    );
  });

  it('is not touched by what the engine writes, by the signature or by the order of the fields', () => {
    const engine = Object.fromEntries(ENGINE_FIELDS.map((field) => [field, 'x']));
    const other = { ...engine, ...Object.fromEntries(Object.entries(FRONT).toReversed()), signature: 's' };
    expect(signedPayload(other, 'x', [])).toBe(signedPayload(FRONT, 'x', []));
  });

  it.each([
    ['another field', { ...FRONT, priority: 'high' }, 'x'],
    ['another receiver', { ...FRONT, to: 'ops' }, 'x'],
    ['a key of the person', { ...FRONT, ticket: 1 }, 'x'],
    ['another text', FRONT, 'x\n'],
    ['another line end', FRONT, 'x\r'],
  ])('differs for %s', (_, front, text) => {
    expect(signedPayload(front, text, [])).not.toBe(signedPayload(FRONT, 'x', []));
  });

  it.each(['id', 'to', 'from', 'created', 'type'])('needs %s', (field) => {
    expect(() => signedPayload({ ...FRONT, [field]: undefined }, 'x', [])).toThrow(`found no ${field}, expected id,`);
  });

  it('tells values apart that are not the same, and only those', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        expect(JSON.parse(canonicalJson(a))).toEqual(JSON.parse(JSON.stringify(a)));
        expect(canonicalJson(a) === canonicalJson(b)).toBe(
          canonicalJson(JSON.parse(canonicalJson(a))) === canonicalJson(b),
        );
      }),
    );
    expect(canonicalJson({ b: 1, a: [{ d: 1, c: 2 }], u: undefined })).toBe('{"a":[{"c":2,"d":1}],"b":1}');
    expect(() => canonicalJson({ a: Number.NaN })).toThrow('found the number NaN');
  });
});

describe('a signature in a field', () => {
  const body = 'U1NI'.repeat(60);
  const armour = armourSignature(body) ?? '';

  it('is one line, and its armour again', () => {
    expect(armour).toMatch(/^-----BEGIN SSH SIGNATURE-----\n(\S{1,70}\n)+-----END SSH SIGNATURE-----\n$/);
    expect(signatureBody(armour)).toBe(body);
    expect(armourSignature(armour)).toBe(armour);
    expect(armourSignature(body.replace(/(.{40})/g, '$1 \n  '))).toBe(armour);
  });

  it.each(['', 'Best, Bob', '-----BEGIN SSH SIGNATURE-----', 'a=b'])('is not %j', (text) => {
    expect(armourSignature(text)).toBeUndefined();
  });
});
