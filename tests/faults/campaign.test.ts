/** The fault campaign of scripts/campaign.mjs, as CI runs it; tests/faults/campaign/ has its parts. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { print } from '../support/print.js';
import { testdir } from '../support/testdir.js';

const SCRIPT = fileURLToPath(new URL('../../scripts/campaign.mjs', import.meta.url));
const STEPS = [
  'delivered',
  'claimed',
  'session written',
  'mid-append',
  'result written',
  'before the move',
  'after the move',
];

interface Result {
  kills: number;
  histogram: Record<string, number>;
  violations: string[];
  messages: number;
  lines: string[];
}

async function campaign(...args: string[]): Promise<Result> {
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, '--json', '--dir', testdir(), ...args], {
    env: { PATH: process.env['PATH'] },
    maxBuffer: 64 * 1024 * 1024,
  });
  return JSON.parse(stdout) as Result;
}

/** Daemons killed at each named step; `npm run check -- properties` asks for 28. */
const KILLS = Number(process.env['MAILBOXD_CAMPAIGN_KILLS'] ?? 8);

test('daemons killed at each step lose no message, tear none and finish none twice', { timeout: 240_000 }, async () => {
  const result = await campaign('--seed', process.env['MAILBOXD_CAMPAIGN_SEED'] ?? '1', '--kills', String(KILLS));
  for (const line of result.lines) print(line);
  expect(result.violations).toEqual([]);
  // There are seven named steps and more.
  expect(result.kills).toBeGreaterThanOrEqual(7 * KILLS);
  for (const step of STEPS) expect(result.histogram[step], step).toBeGreaterThanOrEqual(Math.floor(KILLS / 2));
  expect(result.messages).toBeGreaterThan(100);
});

test('the campaign turns red when files are unlinked before their end is linked', { timeout: 120_000 }, async () => {
  const result = await campaign('--seed', '7', '--kills', '2', '--reverse', 'unlink-before-link');
  print(`  with unlink before link: ${result.violations.length} violations in ${result.kills} kills`);
  expect(result.violations.filter((text) => text.includes('lost:'))).not.toEqual([]);
});
