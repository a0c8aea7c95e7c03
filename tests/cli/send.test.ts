import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readFields, splitFrontMatter } from '../../src/format/front-matter.js';
import { callsIn, makeRoot } from './harness.js';

const PLACE = ['id', 'mailbox', 'state', 'name', 'path'];
const fieldsOf = (path: string): Record<string, unknown> =>
  readFields(splitFrontMatter(readFileSync(path, 'utf8')).block ?? '');

describe('send', () => {
  test('writes every field it is given', async () => {
    const { dir, mb } = await makeRoot({ 'a.txt': 'A', 'schema.json': '{"type":"object"}' });
    const first = (await mb('send', 'laptop', 'first', '--json')).json();
    const sent = await mb(
      ...[
        'send',
        'server',
        'Do it',
        '--json',
        '--subject',
        'S: "x"',
        '--context',
        'C',
        '--priority',
        'high',
        '--thread',
        't1',
      ],
      ...[
        '--reply-to',
        first.id,
        '--timeout',
        '10m',
        '--max-attempts',
        '2',
        '--on-crash',
        'fail',
        '--reply',
        '--attach',
        'a.txt',
      ],
      ...[
        '--metadata',
        'a=b=c',
        '--from',
        'me',
        '--not-before',
        '2h',
        '--model',
        'sonnet',
        '--max-turns',
        '20',
        '--max-budget-usd',
        '0.50',
      ],
      ...[
        '--allowed-tools',
        'Read',
        '--allowed-tools',
        'Bash(git:*)',
        '--permission-mode',
        'plan',
        '--working-dir',
        'sub',
      ],
      ...['--output-schema', 'schema.json', '--runner', 'simulator', '--system-prompt', 'P'],
    );
    expect(sent).toMatchObject({ code: 0, err: '' });
    const data = sent.json();
    expect(Object.keys(data)).toEqual([...PLACE, 'created_mailbox']);
    expect(data).toMatchObject({ mailbox: 'server', state: 'inbox', created_mailbox: false });
    const fields = fieldsOf(data.path);
    expect(fields).toMatchObject({
      ...{
        id: data.id,
        type: 'task',
        from: 'me',
        to: 'server',
        subject: 'S: "x"',
        context: 'C',
        priority: 'high',
        thread: 't1',
      },
      ...{
        in_reply_to: first.id,
        timeout: '10m',
        max_attempts: 2,
        on_crash: 'fail',
        reply: true,
        attachments: ['a.txt'],
        metadata: { a: 'b=c' },
      },
      options: {
        ...{
          runner: 'simulator',
          model: 'sonnet',
          system_prompt: 'P',
          max_turns: 20,
          max_budget_usd: 0.5,
          permission_mode: 'plan',
        },
        ...{ allowed_tools: ['Read', 'Bash(git:*)'], working_dir: join(dir, 'sub'), output_schema: { type: 'object' } },
      },
    });
    expect(Date.parse(String(fields['not_before'])) - Date.now()).toBeGreaterThan(7_100_000);
    expect(readFileSync(join(dir, 'attachments', data.id, 'a.txt'), 'utf8')).toBe('A');
  });

  test('takes its text from an argument, a file, standard input or after --', async () => {
    const { dir, mb } = await makeRoot({ 'task.md': '---\nsubject: From a file\n---\nBody\n' });
    const textOf = async (result: Promise<{ out: string }>): Promise<string> => {
      const shown = (await mb('show', (await result).out.trim(), '--json')).json();
      return shown.text;
    };
    expect(await textOf(mb('send', 'server', 'as argument'))).toBe('as argument');
    expect(await textOf(mb('send', 'server', '--', '- begins with a hyphen'))).toBe('- begins with a hyphen');
    expect(await textOf(mb('send', 'server', '--file', 'task.md'))).toBe('Body\n');
    expect(await textOf(callsIn(dir, { stdin: 'from stdin\n' })('send', 'server'))).toBe('from stdin\n');
    expect(await textOf(callsIn(dir, { stdin: 'from stdin\n' })('send', 'server', '-'))).toBe('from stdin\n');
    expect(await callsIn(dir, { tty: { stdin: true } })('send', 'server')).toMatchObject({ code: 64 });
    expect(await mb('send', 'server', 'x', '--file', 'task.md')).toMatchObject({ code: 64 });
    expect(await mb('send', 'server', '--file', 'missing.md')).toMatchObject({ code: 3 });
    expect(await mb('send', 'server', '')).toMatchObject({ code: 64 });
    expect(
      await callsIn(dir, {
        stdin: new (await import('node:stream')).Readable({
          read() {
            this.push(Buffer.from([0xff, 0xfe, 0x41]));
            this.push(null);
          },
        }),
      })('send', 'server'),
    ).toMatchObject({ code: 64 });
  });

  test('fills in templates, whose values cannot add fields', async () => {
    const { mb } = await makeRoot({
      'templates/review.md': '---\nsubject: "Review {{file}}"\n---\nLook at {{ file }} for {{what}}.\n',
    });
    const sent = await mb(
      'send',
      'server',
      '--template',
      'review',
      '--var',
      'file=a", from: "root',
      '--var',
      'what=bugs',
    );
    const shown = (await mb('show', sent.out.trim(), '--json')).json();
    expect(shown.fields).toMatchObject({ subject: 'Review a", from: "root', from: 'laptop' });
    expect(shown.text).toBe('Look at a", from: "root for bugs.\n');
    const broken = await mb(
      'send',
      'server',
      '--template',
      'review',
      '--var',
      'file=a"\nfrom: root',
      '--var',
      'what=bugs',
    );
    expect(broken).toMatchObject({ code: 64, err: expect.stringContaining('subject') });
    expect(await mb('send', 'server', '--template', 'review')).toMatchObject({
      code: 64,
      err: expect.stringContaining('--var file=… --var what=…'),
    });
    expect(
      await mb('send', 'server', '--template', 'review', '--var', 'file=1', '--var', 'what=2', '--var', 'x=3'),
    ).toMatchObject({ code: 64 });
    expect(await mb('send', 'server', '--template', '../secret')).toMatchObject({
      code: 3,
      err: expect.stringContaining('review'),
    });
    expect(await mb('send', 'server', 'x', '--var', 'a=1')).toMatchObject({ code: 64 });
  });

  test('is from CLAUDE_ID, else from this host; makes a mailbox unless that is forbidden', async () => {
    const { dir, mb } = await makeRoot();
    const from = async (env: NodeJS.ProcessEnv, ...more: string[]): Promise<unknown> =>
      fieldsOf((await callsIn(dir, { env })('send', 'server', 'x', '--json', ...more)).json().path)['from'];
    expect(await from({})).toBe('laptop');
    expect(await from({ CLAUDE_ID: 'someone' })).toBe('someone');
    expect(await from({ CLAUDE_ID: 'someone' }, '--from', 'other')).toBe('other');
    expect((await mb('send', 'fresh', 'x', '--json')).json()).toMatchObject({ created_mailbox: true });
    expect(await mb('send', '../evil', 'x')).toMatchObject({ code: 64 });
    const config = join(dir, '.mailboxd', 'config.yaml');
    writeFileSync(config, readFileSync(config, 'utf8').replace('#create_mailboxes: true', 'create_mailboxes: false'));
    expect(await mb('send', 'other', 'x')).toMatchObject({ code: 77 });
    expect(existsSync(join(dir, 'mailboxes', 'other'))).toBe(false);
  });
});
