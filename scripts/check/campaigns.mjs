// Campaigns that are commands of their own: run as a person would, counted from the line that they end with.
import { run } from './run.mjs';

/**
 * @param {string} script below scripts/
 * @param {string[]} args
 * @param {(output: string) => { passed: number, failed: number } | undefined} count
 */
export async function runCampaign(script, args, count) {
  const { ok, output } = await run(process.execPath, [`scripts/${script}`, ...args]);
  const counts = count(output);
  const tail = output.trimEnd().split('\n');
  console.log(tail.slice(ok ? -12 : -80).join('\n'));
  if (counts === undefined || (!ok && counts.failed === 0))
    return { ok: false, output: '', counts: { passed: counts?.passed ?? 0, failed: 1 } };
  return { ok: ok && counts.failed === 0, output: '', counts };
}

/** `hosts: 10 of 12 passed`. @param {string} output */
export function countHosts(output) {
  const match = /^hosts: (\d+) of (\d+) passed$/m.exec(output);
  return match ? { passed: Number(match[1]), failed: Number(match[2]) - Number(match[1]) } : undefined;
}

/** `chaos: 2 rounds, 120 deeds, 31 faults, 0 violations`. @param {string} output */
export function countChaos(output) {
  const match = /^chaos: (\d+) rounds?, .* (\d+) violations?$/m.exec(output);
  if (!match) return undefined;
  const failed = Number(match[2]);
  return { passed: failed === 0 ? Number(match[1]) : 0, failed };
}

/** The model, the properties of the merge and the fault campaign of one host at full length, which `npm test` only samples. */
export async function runProperties() {
  const sizes = { MAILBOXD_MODEL_STATES: '40000', MAILBOXD_MERGE_HISTORIES: '10000', MAILBOXD_CAMPAIGN_KILLS: '28' };
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    'tests/model',
    'tests/core/merge/properties.test.ts',
    'tests/faults/campaign.test.ts',
  ];
  // Outside CI it writes no report: that of the tests must stay.
  const { ok, output } = await run(process.execPath, args, {
    env: { ...process.env, ...sizes, CI: 'false', NO_COLOR: '1' },
  });
  console.log(
    output
      .split('\n')
      .filter((line) => /^\s*(merge:|model |without |campaign|faults?:|with unlink)|Tests {2}/.test(line))
      .join('\n'),
  );
  const match = /Tests {2}(?:(\d+) failed \| )?(\d+) passed/.exec(output);
  const failed = Number(match?.[1] ?? 0) + (ok || match?.[1] ? 0 : 1);
  return { ok, output: ok ? '' : output.slice(-6_000), counts: { passed: Number(match?.[2] ?? 0), failed } };
}
