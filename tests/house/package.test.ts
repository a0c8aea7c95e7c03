import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { testdir } from '../support/testdir.js';
import { root } from './tree.js';

/** Node and npm with what they need to reach the registry, and nothing of this checkout on the path. */
function run(command: string, args: string[], cwd: string): { status: number | null; output: string } {
  const child = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 120_000 });
  return { status: child.status, output: `${child.stdout}${child.stderr}` };
}

const CONSUMER = `
import { query, querySimple } from 'mailboxd';

const answer: string = await querySimple('Say hello');
console.log(answer.length);
for await (const event of query('Say hello')) {
  switch (event.type) {
    case 'Start':
      console.log(event.session_id satisfies string);
      break;
    case 'Progress':
      console.log(event.content satisfies string);
      break;
    case 'ToolUse':
      console.log(event.tool satisfies string, event.args);
      break;
    case 'Result':
      console.log(event.result satisfies string);
      break;
    case 'Error':
      console.log(event.code satisfies string, event.message satisfies string);
      break;
    default:
      event satisfies never;
  }
}
// @ts-expect-error a prompt is text
await querySimple(42);
`;

describe('the published package', { timeout: 180_000 }, () => {
  let home = '';

  beforeAll(() => {
    home = testdir({
      'package.json': JSON.stringify({ name: 'consumer', version: '1.0.0', type: 'module', private: true }),
      'consumer.ts': CONSUMER,
      'tsconfig.json': JSON.stringify({
        compilerOptions: {
          ...{ target: 'es2023', module: 'nodenext', strict: true, noEmit: true, skipLibCheck: false },
          ...{ types: ['node'], typeRoots: [join(root, 'node_modules/@types')] },
        },
        files: ['consumer.ts'],
      }),
    });
    // Built already: npm would build again, under the tests that run dist/ beside this one.
    const packed = run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', home], root);
    expect(packed.status, packed.output).toBe(0);
    const tarball = packed.output.trim().split('\n').at(-1) ?? '';
    const options = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
    const installed = run('npm', ['install', ...options, join(home, tarball)], home);
    expect(installed.status, installed.output).toBe(0);
  }, 180_000);

  it('gives a working mailboxd', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    const command = join(home, 'node_modules/.bin/mailboxd');
    expect(run(command, ['--version'], home)).toEqual({ status: 0, output: `${version}\n` });
  });

  it('gives typed imports', () => {
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    expect(run(process.execPath, [tsc, '-p', home], home)).toEqual({ status: 0, output: '' });
  });

  it('holds what it needs and nothing else', () => {
    const listed = run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--silent'], root);
    const [{ files }] = JSON.parse(listed.output) as [{ files: { path: string }[] }];
    const paths = files.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['dist/cli/main.js', 'dist/index.d.ts', 'LICENSE', 'README.md']));
    expect(paths).toContain('schemas/message.schema.json');
    expect(paths.filter((path) => !/^(dist|schemas|docs)\/|^(package\.json|[A-Z]+(\.md)?)$/.test(path))).toEqual([]);
    expect(paths.filter((path) => path.endsWith('.map'))).toEqual([]);
  });
});
