import { describe, expect, it } from 'vitest';
import {
  CRASH_POLICIES,
  ENGINE_FIELDS,
  MESSAGE_TYPES,
  PERMISSION_MODES,
  PRIORITIES,
  RUN_OUTCOMES,
} from '../../src/core/message.js';
import { isMailboxName, isMessageId } from '../../src/core/names.js';
import { type SchemaNode, readOwnSchema } from '../../src/schema/own-schema.js';
import { findStrayKeys, validateMessageFields } from '../../src/schema/own.js';
import { describeProblem } from '../../src/schema/problem.js';

const schema = readOwnSchema('message');

function problemsOf(fields: unknown): string[] {
  return validateMessageFields(fields).map(describeProblem);
}

/** Every field of a schema and of the mappings and lists in it, by path. */
function fieldsOf(node: SchemaNode, path = ''): [string, SchemaNode][] {
  const inner = Object.entries(node.properties ?? {}).flatMap(([key, child]): [string, SchemaNode][] => {
    const at = path === '' ? key : `${path}.${key}`;
    return [[at, child], ...fieldsOf(child, at)];
  });
  return node.items ? [...inner, ...fieldsOf(node.items, `${path}[]`)] : inner;
}

describe('the schema of messages', () => {
  it('accepts a message with nothing in it, and one with everything', () => {
    expect(problemsOf({})).toEqual([]);
    const all = Object.entries(schema.properties ?? {}).map(([key, field]) => [key, field.examples?.[0]]);
    const options = Object.entries(schema.properties?.['options']?.properties ?? {}).map(([key, field]) => [
      key,
      field.examples?.[0],
    ]);
    expect(problemsOf({ ...Object.fromEntries(all), options: Object.fromEntries(options) })).toEqual([]);
  });

  it('describes every field, with an example for each that a person writes', () => {
    for (const [path, field] of fieldsOf(schema)) expect(field.description, path).toMatch(/^.{10,}\.$/);
    for (const [path, field] of fieldsOf({ properties: schema.properties ?? {} })) {
      if (!/^(claim|runs|result)/.test(path)) expect(field.examples, path).toHaveLength(1);
    }
  });

  it('agrees with the vocabulary of the core', () => {
    const field = (path: string): SchemaNode | undefined => new Map(fieldsOf(schema)).get(path);
    expect(field('type')?.enum).toEqual(MESSAGE_TYPES);
    expect(field('priority')?.enum).toEqual(PRIORITIES);
    expect(field('on_crash')?.enum).toEqual(CRASH_POLICIES);
    expect(field('options.permission_mode')?.enum).toEqual(PERMISSION_MODES);
    expect(field('runs[].outcome')?.enum).toEqual(RUN_OUTCOMES);
    const engine = Object.entries(schema.properties ?? {}).filter(([, { $comment }]) => $comment === 'engine');
    expect(engine.map(([key]) => key)).toEqual(ENGINE_FIELDS);
  });

  it("keeps a person's own keys, and refuses unknown options", () => {
    expect(problemsOf({ ticket: 3, Priority: [], modle: null })).toEqual([]);
    expect(problemsOf({ options: { modle: 'opus' } })).toEqual([
      'options.modle: found an unknown key, expected a known one; did you mean model?',
    ]);
    expect(problemsOf({ options: { maxTurns: 3 } })[0]).toMatch(/did you mean max_turns\?$/);
    expect(problemsOf({ options: { zebra: 3 } })[0]).toMatch(/expected one of runner, system_prompt/);
  });

  it('points out keys that look as if they were meant for us', () => {
    const stray = findStrayKeys({ prioirty: 'high', model: 'opus', ticket: 3, subject: 'x' }).map(describeProblem);
    expect(stray).toEqual([
      'prioirty: found "high" in a key that is not read, expected a known field; did you mean priority?',
      'model: found "opus" in a key that is not read, expected it below options',
    ]);
  });

  it.each<[unknown, string | RegExp]>([
    [[], 'found an empty list, expected the front matter of a message'],
    ['text', 'found "text", expected the front matter of a message'],
    [{ priority: 'hgih' }, 'priority: found "hgih", expected one of low, normal, high, urgent'],
    [{ priority: null }, 'priority: found nothing, expected one of low, normal, high, urgent'],
    [{ type: 'Task' }, 'type: found "Task", expected one of task, chat'],
    [{ id: '../../etc/passwd' }, /^id: found "\.\.\/\.\.\/etc\/passwd", expected an id of 1 to 64 letters/],
    [{ id: 'nul' }, /Windows keeps that name for a device$/],
    [{ from: 'a b' }, /^from: found "a b", expected a name of/],
    [{ thread: 5 }, /^thread: found 5, expected an id .*; write it in quotes$/],
    [{ created: '2026-11-20' }, 'created: found "2026-11-20", expected an RFC 3339 time such as 2026-11-20T10:30:00Z'],
    [{ created: '2026-02-30T10:30:00Z' }, /expected an RFC 3339 time/],
    [{ not_before: '2026-11-20T10:30:60Z' }, /expected an RFC 3339 time/],
    [{ not_before: '2026-11-20 10:30:00' }, /expected an RFC 3339 time/],
    [{ timeout: 90 }, 'timeout: found 90, expected a duration such as 90s, 10m or 2h'],
    [{ timeout: '0.0s' }, /longer than nothing$/],
    [{ subject: 'a\nb' }, 'subject: found "a\\nb", expected one line of at most 500 characters'],
    [{ subject: 'x'.repeat(501) }, 'subject: found 501 characters, expected one line of at most 500 characters'],
    [{ reply: 'yes' }, 'reply: found "yes", expected true or false'],
    [{ max_attempts: 1.5 }, 'max_attempts: found 1.5, expected a whole number'],
    [{ max_attempts: Number.NaN }, /^max_attempts: found NaN/],
    [{ attachments: ['../secret'] }, /^attachments\[0\]: found "\.\.\/secret"/],
    [{ attachments: ['/etc/passwd'] }, /^attachments\[0\]/],
    [{ attachments: ['C:\\x'] }, /^attachments\[0\]/],
    [{ traceparent: 'nope' }, /^traceparent: found "nope", expected a W3C traceparent/],
    [{ options: ['a'] }, 'options: found a list of 1, expected a mapping'],
    [{ options: { model: '--dangerously-skip-permissions' } }, /^options\.model: found .* expected a model's name$/],
    [{ options: { allowed_tools: ['Read,Bash'] } }, /^options\.allowed_tools\[0\]/],
    [{ options: { allowed_tools: ['Bash(git:*) Write(x)'] } }, /^options\.allowed_tools\[0\]/],
    [{ options: { working_dir: 'relative' } }, 'options.working_dir: found "relative", expected an absolute directory'],
    [{ options: { max_budget_usd: 0 } }, 'options.max_budget_usd: found 0, expected more than 0'],
    [{ options: { output_schema: {}, output_format: 'text' } }, /expected json, since output_schema is set$/],
    [{ options: { output_schema: { type: 'nope' } } }, /^options\.output_schema: found a schema that cannot be used/],
    [{ claim: { worker: 'a@b' } }, 'claim.epoch: found nothing, expected a value'],
    [{ runs: [{ n: -1 }] }, /^runs\[0\]/],
    [{ result: 'done' }, 'result: found "done", expected a mapping'],
  ])('says of %j what is wrong', (fields, expected) => {
    const problems = problemsOf(fields);
    expect(problems.length).toBeGreaterThan(0);
    if (typeof expected === 'string') expect(problems).toContain(expected);
    else
      expect(
        problems.some((problem) => expected.test(problem)),
        problems.join('\n'),
      ).toBe(true);
  });

  it('takes exactly the names and ids that the core takes', () => {
    const names = [
      'a',
      'A1',
      'a.b',
      'a-',
      'a.',
      '.a',
      '-a',
      'a_b',
      'con',
      'CON.x',
      'com1',
      'com10',
      'x'.repeat(64),
      'x'.repeat(65),
      '',
      'ä',
      'a/b',
      'lpt9',
      'console',
      'a\n',
    ];
    for (const name of names) {
      expect(problemsOf({ from: name }).length === 0, name).toBe(isMailboxName(name));
      expect(problemsOf({ id: name }).length === 0, name).toBe(isMessageId(name));
    }
  });

  it('never throws, whatever a message holds', () => {
    const ring: Record<string, unknown> = {};
    ring['metadata'] = ring;
    for (const value of [undefined, null, 1, Number.NaN, [], ring, { metadata: ring }, Object.create(null)]) {
      expect(() => validateMessageFields(value)).not.toThrow();
    }
    expect(validateMessageFields(undefined)).not.toEqual([]);
  });
});
