import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { claimToken, refusalToken } from '../../src/core/token.js';
import { editBlock, readFields, splitFrontMatter } from '../../src/format/front-matter.js';
import { refusedMarker, resultMarker, runMarker } from '../../src/format/markers.js';
import { assembleMessage, parseMessage, resultText } from '../../src/format/message.js';
import { renderResult, renderRunStart } from '../../src/format/transcript.js';

const KEY = 'a-key-of-the-tests';

const eol = fc.constantFrom('\n', '\r\n');
/** What a person may write below the front matter: any text but NUL, with headings, fences and look-alike markers. */
const bodyText = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.replaceAll('\0', '')),
      fc.constantFrom(
        '## Result',
        '## Run 1',
        '---',
        '',
        '<!-- run 1 · 1-aaaaaaaaaaaaaaaaaaaa -->',
        '```yaml',
        'type: task',
        '\ufeff',
        ' ',
      ),
    ),
    { maxLength: 8 },
  )
  .chain((lines) => eol.map((end) => lines.join(end)))
  .filter((text) => !/^\ufeff?---/.test(text) && Buffer.from(text).toString('utf8') === text);

const plainKey = fc.constantFrom('subject', 'context', 'metadata', 'thread', 'mine', 'x-1', '"quoted"', 'from');
const value = fc.oneof(
  fc.constantFrom(
    'yes',
    '"a: b"',
    "'it''s'",
    '0123',
    '1.10',
    '[a, b]',
    '{ k: v }',
    '2026-11-20',
    '~',
    'plain # comment',
    '|\n  two\n  lines',
    '>-\n  folded\n  text',
    '\n  - a\n  - b',
  ),
  fc.stringMatching(/^[a-z][a-z ]{0,20}[a-z]$/),
);
const blockLines = fc
  .uniqueArray(fc.tuple(plainKey, value), { selector: ([key]) => key, maxLength: 5 })
  .chain((pairs) =>
    fc.tuple(
      fc.constant(pairs),
      fc.array(fc.constantFrom('# a comment', '', '   ', '# id: none'), {
        minLength: pairs.length + 1,
        maxLength: pairs.length + 1,
      }),
      eol,
    ),
  )
  .map(
    ([pairs, between, end]) =>
      [...pairs.flatMap(([key, text], i) => [between[i] ?? '', `${key}: ${text}`]), between.at(-1) ?? '']
        .join('\n')
        .split('\n')
        .join(end) + end,
  );

const message = fc
  .tuple(fc.option(blockLines, { nil: undefined }), bodyText, fc.boolean())
  .map(([block, body, mark]) => {
    const end = block?.includes('\r\n') ? '\r\n' : '\n';
    return (
      (mark ? '\ufeff' : '') + (block === undefined ? body.replace(/^\ufeff/, '') : `---${end}${block}---${end}${body}`)
    );
  });

describe('the codec keeps every byte of what a person wrote', () => {
  it('taken apart and put together again, a message is the same', () => {
    fc.assert(
      fc.property(message, (text) => {
        const parsed = parseMessage(Buffer.from(text), KEY);
        expect(assembleMessage(parsed)).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it('setting and removing engine fields leaves every other byte, and reads back what was set', () => {
    fc.assert(
      fc.property(message, fc.integer({ min: 1, max: 9 }), (text, epoch) => {
        const parsed = parseMessage(Buffer.from(text), KEY);
        const fields = {
          id: 'an-id',
          epoch,
          runs: [{ n: 1, reason: 'a "b": c # d\n' }, { n: 2 }],
          retry_at: '2026-01-01T00:00:00Z',
        };
        const claimed = assembleMessage(parsed, fields);
        const again = parseMessage(Buffer.from(claimed), KEY);
        expect(again.ownText).toBe(parsed.ownText);
        expect(again.front).toEqual({ ...parsed.front, ...fields });
        expect(claimed.endsWith(parsed.split.body)).toBe(true);
        expect(claimed).toContain(parsed.split.block ?? '');
        const undone = assembleMessage(again, {
          id: undefined,
          epoch: undefined,
          runs: undefined,
          retry_at: undefined,
        });
        if (parsed.split.block !== undefined) expect(undone).toBe(text);
        else expect(parseMessage(Buffer.from(undone), KEY).ownText).toBe(parsed.ownText);
      }),
      { numRuns: 500 },
    );
  });

  it('what a run appends is told from the own text, however that ends', () => {
    fc.assert(
      fc.property(message, bodyText, (text, answer) => {
        const parsed = parseMessage(Buffer.from(text), KEY);
        const end = parsed.split.eol;
        const token = claimToken(KEY, 'an-id', 1);
        const recorded = renderRunStart(1, token, end) + renderResult(1, token, answer, end);
        const file = assembleMessage({ ...parsed, recorded }, { id: 'an-id' });
        const again = parseMessage(Buffer.from(file), KEY);
        expect(again.ownText).toBe(parsed.ownText);
        expect(again.markers.map((marker) => marker.kind)).toEqual(['run', 'result']);
        const normal = (value: string): string => value.replace(/\r\n/g, '\n').trim();
        const got = normal(resultText(again) ?? '');
        if (!answer.includes('<!-- r')) expect(got.replace(/\s+/g, ' ')).toBe(normal(answer).replace(/\s+/g, ' '));
      }),
      { numRuns: 500 },
    );
  });
});

describe('front matter', () => {
  const cases: [string, string][] = [
    ['---\nto: server\n---\nbody', 'body'],
    ['---\nto: server\n---', ''],
    ['--- \nto: server\n---\t\nbody', 'body'],
    ['no front matter\n---\nto: x\n---\n', 'no front matter\n---\nto: x\n---\n'],
    [' ---\nto: x\n---\n', ' ---\nto: x\n---\n'],
    ['----\nto: x\n----\n', '----\nto: x\n----\n'],
    ['---\n---\nbody', 'body'],
    ['---\n# only a comment\n---\nbody', 'body'],
  ];
  it.each(cases)('splits %j', (text, body) => {
    expect(splitFrontMatter(text).body).toBe(body);
  });

  const refused: [string, RegExp][] = [
    ['---js\nmodule.exports = {}\n---\n', /first line "---js"/],
    ['--- json\n{}\n---\n', /first line "---json"/],
    ['---\nto: x\n', /no closing "---"/],
    ['---\nto: x\n---foo\n---\n', /found the line "---foo"/],
    ['---\nto: x\n...\n---\n', /found the line "\.\.\."/],
    ['---\njust text\n---\n', /found the text "just text", expected fields/],
    ['---\n- a\n---\n', /found a list, expected fields/],
    ['---\na: &x 1\nb: *x\n---\n', /anchor or alias/],
    ['---\na: !!js/function x\n---\n', /tag/],
    ['---\na: 1\na: 2\n---\n', /found the field a twice, again in line 3/],
    [`---\na: ${'['.repeat(2_000)}\n---\n`, /nested more than 32 deep/],
    [`---\n${'- '.repeat(200)}a\n---\n`, /indented by/],
    [`---\na: "${'x'.repeat(70_000)}"\n---\n`, /no closing "---" within|bytes, expected at most/],
    ['---\na: "\u0007"\n---\n', /control character U\+0007/],
  ];
  it.each(refused)('refuses %j with what was found', (text, reason) => {
    expect(() => parseMessage(Buffer.from(text), KEY)).toThrow(reason);
  });

  it('never runs code, whatever the fence', () => {
    for (const fence of ['js', 'javascript', ' js', 'JS', 'coffee', 'ts']) {
      const text = `---${fence}\n(globalThis.hit = true, {})\n---\n`;
      try {
        parseMessage(Buffer.from(text), KEY);
      } catch {
        // refused is fine too
      }
    }
    expect((globalThis as { hit?: boolean }).hit).toBeUndefined();
  });

  it('keeps text as it was written where YAML would make it a number', () => {
    expect(readFields('id: 0123\nsubject: 2026\nthread: true\nfrom: 1.10\n')).toEqual({
      id: '0123',
      subject: '2026',
      thread: 'true',
      from: '1.10',
    });
  });

  it('gives each caller data of its own, and a malformed block fails every time', () => {
    const one = readFields('metadata: { a: 1 }\n');
    (one['metadata'] as Record<string, unknown>)['a'] = 2;
    expect(readFields('metadata: { a: 1 }\n')).toEqual({ metadata: { a: 1 } });
    for (let i = 0; i < 2; i += 1) expect(() => readFields('a: [\n')).toThrow(/YAML/);
  });

  it('adds fields with the indentation of the block, and refuses a block that is one {…}', () => {
    expect(editBlock('  type: task\n', { epoch: 1 }, '\n')).toBe('  type: task\n  epoch: 1\n');
    expect(() => editBlock('{ type: task }\n', { epoch: 1 }, '\n')).toThrow(/one field a line/);
  });

  it('polluting keys stay data', () => {
    const fields = readFields('__proto__: { polluted: true }\nconstructor: x\n');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(Object.hasOwn(fields, 'constructor')).toBe(true);
  });
});

describe('markers', () => {
  const token = claimToken(KEY, 'm1', 3);
  it('count only with a token of this host, for this message', () => {
    const file = (id: string, line: string): string => `---\nid: ${id}\n---\nmine\n${line}\n## Run 1\n\nx\n`;
    expect(parseMessage(Buffer.from(file('m1', runMarker(1, token))), KEY).ownText).toBe('mine');
    expect(parseMessage(Buffer.from(file('m2', runMarker(1, token))), KEY).recorded).toBe('');
    expect(parseMessage(Buffer.from(file('m1', runMarker(1, token))), 'another key').recorded).toBe('');
    expect(parseMessage(Buffer.from(file('m1', runMarker(1, token.replace('3-', '4-')))), KEY).recorded).toBe('');
    expect(parseMessage(Buffer.from(file('m2', refusedMarker(refusalToken(KEY, 'abc')))), KEY).ownText).toBe('mine');
  });

  it('are found by the reader of another host when the front matter names the token', () => {
    const file = `---\nid: m1\nseal: ${token}\n---\nmine\n${runMarker(1, token)}\n## Run 1\n\n${resultMarker(1, token)}\n## Result\n\nyes\n`;
    const there = parseMessage(Buffer.from(file), 'another key', { trustFields: true });
    expect(resultText(there)).toBe('yes');
  });
});

describe('a field that has its value already', () => {
  it.each(['id: abc', "id: 'abc'", 'id:   abc  # mine', 'id: 0123'])('stays as it was written: %s', (line) => {
    const text = `---\n${line}\nto: server\n---\nbody`;
    const parsed = parseMessage(Buffer.from(text), KEY);
    expect(assembleMessage(parsed, { id: parsed.front.id, epoch: 1 })).toBe(
      `---\n${line}\nto: server\nepoch: 1\n---\nbody`,
    );
  });
});
