import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isSecretKey, REDACTED, scrub, scrubJson, scrubValue } from '../../src/core/scrub.js';

const LETTERS = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-'];
const core = fc.array(fc.constantFrom(...LETTERS), { minLength: 24, maxLength: 90 }).map((letters) => letters.join(''));

/** Each way a secret shows in text; the first element is what must be gone. */
const planted = fc.oneof(
  core.map((secret) => [secret, `sk-ant-api03-${secret}`]),
  core.map((secret) => [secret, `Authorization: Bearer ${secret}`]),
  core.map((secret) => [secret, `bearer ${secret}`]),
  core.map((secret) => [secret, `ANTHROPIC_API_KEY=${secret}`]),
  core.map((secret) => [secret, `export ANTHROPIC_AUTH_TOKEN="${secret}"`]),
  core.map((secret) => [secret, `ANTHROPIC_CUSTOM_HEADERS=x-team: a b ${secret}`]),
  core.map((secret) => [secret, `CLAUDE_CODE_OAUTH_TOKEN=${secret}`]),
  core.map((secret) => [secret, `"CLAUDE_CODE_OAUTH_TOKEN": "${secret}"`]),
  core.map((secret) => [secret, `https://someone:${secret}@example.org/x.git`]),
  core.map((secret) => [secret, `ssh://git:a@${secret}@example.org`]),
  fc.constant(['swordfish', `ANTHROPIC_API_KEY='two "words" swordfish'`]),
);
/** Text that a person or a program could write, with everything in it that the patterns look at. */
const ordinary = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 12 }),
      fc.constantFrom(
        'bearer',
        'key: value',
        'http://localhost:8080/',
        '=',
        '"',
        "'",
        '\\',
        '\n',
        'ANTHROPIC',
        '://',
        '@',
        ':',
      ),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(' '));

describe('scrub', () => {
  test('a secret planted anywhere in a text never survives', () => {
    fc.assert(
      fc.property(ordinary, planted, ordinary, (before, [secret = '', text = ''], after) => {
        expect(scrub(`${before} ${text} ${after}`)).not.toContain(secret);
      }),
      { numRuns: 3_000 },
    );
  });

  test('a second scrub changes nothing', () => {
    fc.assert(
      fc.property(ordinary, planted, ordinary, (before, [, text = ''], after) => {
        const once = scrub(`${before} ${text} ${after}`);
        expect(scrub(once)).toBe(once);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ['x="ANTHROPIC_API_KEY=abc"', 'x="ANTHROPIC_API_KEY=[redacted]"'],
    ['ANTHROPIC_API_KEY="a b c" go', 'ANTHROPIC_API_KEY="[redacted]" go'],
    ['{"a":"ANTHROPIC_API_KEY=\\"q w\\" x"}', '{"a":"ANTHROPIC_API_KEY=\\"[redacted]\\" x"}'],
    ['line\\nANTHROPIC_API_KEY=abc\\nline', 'line\\nANTHROPIC_API_KEY=[redacted]\\nline'],
    ['Authorization: Bearer abcdefgh', 'Authorization: Bearer [redacted]'],
    ['authorization: basic eDp5', 'authorization: basic [redacted]'],
    ['bearer bearer abc123', 'bearer bearer [redacted]'],
    ['https://u:p@ss@h/x', 'https://u:[redacted]@h/x'],
    ['is it sk-ant-api03-x_y-z?', 'is it sk-ant-[redacted]?'],
    ['https://ghp_0123456789abcdefghij@github.com/a/b', 'https://ghp_[redacted]@github.com/a/b'],
  ])('%s', (text, expected) => {
    expect(scrub(text)).toBe(expected);
  });

  test.each([
    'Bearer of bad news',
    'the bearer shall present the certificate',
    'an ask-ant-hill question, and sk-ant-… in a manual',
    'set ANTHROPIC_API_KEY= and be done',
    'claude: "the key: yes"',
    'ANTHROPIC_API_KEY: your key from the console',
    'http://localhost:8080/x@y and mail me@example.org, at 12:30@noon',
    'https://user@example.org:8443/path?a=b:c@d',
    'password: is what they ask for',
    '| token | count |\n|---|---|\n| a=b | 3 |',
    '{"tokens_in":12,"max_tokens":4096}',
  ])('ordinary text stays: %s', (text) => {
    expect(scrub(text)).toBe(text);
  });

  test.each([
    ['ANTHROPIC_', 'ANTHROPIC_'],
    ['ANTHROPIC_A="', ''],
    ['ANTHROPIC_A=\\"', ''],
    ['ANTHROPIC_A=\'\\"', ''],
    ['claude key', 'claudekey'],
    ['', 'anthropic_key'],
    ['bearer+', 'bearer+'],
    ['bearer ', ' '],
    ['authorization: ', 'authorization'],
    ['://', 'a:'],
    ['://a:', '@'],
    ['://a:', 'b'],
    ['sk-ant-', 'sk-ant-'],
    ['', 'a'],
    ['', '\\"'],
    ['ghp_', 'ghp_'],
  ])('a megabyte of %j and %j takes linear time', (start, unit) => {
    const text = (size: number): string => start + (unit || start).repeat(Math.ceil(size / (unit || start).length));
    scrub(text(10_000));
    const began = performance.now();
    scrub(text(1_000_000));
    // Linear is a few ms, quadratic would be minutes; the bound leaves room for a busy machine.
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});

describe('scrubValue', () => {
  test('a secret at any depth, as a value, inside a text or as a key, never survives', () => {
    const data = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 6, withCrossShrink: true },
        planted.map(([, text]) => text),
        planted.map(([secret]) => ({ password: secret })),
        planted.map(([secret]) => ({ ApiKey: { nested: [secret] } })),
        planted.map(([secret]) => ({ 'x-auth-token': [secret] })),
        planted.map(([, text = '']) => ({ [text]: 1 })),
        fc.array(tie('node'), { maxLength: 3 }),
        fc.dictionary(ordinary, tie('node'), { maxKeys: 3 }),
      ),
    })).node;
    const SECRET = /[\w-]{24,}|swordfish/;
    fc.assert(
      fc.property(data, (value) => {
        const text = JSON.stringify(scrubValue(value));
        expect(SECRET.exec(text.replace(/ANTHROPIC_CUSTOM_HEADERS|\[redacted\]/g, ''))?.[0]).toBeUndefined();
      }),
      { numRuns: 1_000 },
    );
  });

  test('counts, flags and the shape stay', () => {
    const value = {
      tokens_in: 12,
      max_tokens: 4,
      token: null,
      password: '',
      has_secret: true,
      list: [{ key: 'serve' }],
    };
    expect(scrubValue(value)).toEqual(value);
    expect(scrubValue({ password: 12345, key: 'k7f0c2d8a1b94e6f8d3c5a7b' })).toEqual({
      password: REDACTED,
      key: REDACTED,
    });
    expect(JSON.stringify(scrubValue(JSON.parse('{"__proto__":{"a":1}}')))).toBe('{"__proto__":{"a":1}}');
  });

  test('data nested beyond reason is cut, not a stack overflow', () => {
    let deep: unknown = { password: 'x' };
    for (let depth = 0; depth < 100_000; depth += 1) deep = [deep];
    expect(JSON.stringify(scrubValue(deep))).toContain(REDACTED);
  });

  test.each([
    ['password', true],
    ['DB_PASSWD', true],
    ['accessToken', true],
    ['Set-Cookie', true],
    ['api_key', true],
    ['tokenizer', false],
    ['monkey', false],
    ['subject', false],
  ])('isSecretKey(%s) is %s', (key, expected) => {
    expect(isSecretKey(key)).toBe(expected);
  });
});

test('scrubJson keeps JSON JSON, and scrubs anything else as text', () => {
  const line = JSON.stringify({ text: 'ANTHROPIC_API_KEY=', next: 'a "quoted" ANTHROPIC_API_KEY=\'x"y\' \n z', n: 1 });
  expect(JSON.parse(scrubJson(line))).toEqual({
    text: 'ANTHROPIC_API_KEY=',
    next: `a "quoted" ANTHROPIC_API_KEY='${REDACTED}' \n z`,
    n: 1,
  });
  expect(scrubJson('{"torn": "sk-ant-abcdef')).toBe(`{"torn": "sk-ant-${REDACTED}`);
});
