/**
 * Keeps the repository small beside whatever else goes on: loose objects are packed when there are many, with little
 * memory and one thread. Nothing younger than git's own two weeks is pruned, so that no writer loses what it just wrote.
 */
import { runGit } from './run.js';

/** Loose objects that are worth a run. */
const MANY = 4_000;
/** Longest run, ms: it goes on the next time. */
const LONGEST = 600_000;

/** Whether it was worth a run. Throws `unavailable` when git cannot be started or takes too long. */
export async function packLoose(dir: string, many = MANY): Promise<boolean> {
  const { code, stdout } = await runGit(dir, ['count-objects']);
  const count = Number(/^(\d+) objects/.exec(stdout.toString('utf8'))?.[1] ?? 0);
  if (code !== 0 || count < many) return false;
  const bounds = ['pack.threads=1', 'pack.windowMemory=64m', 'gc.writeCommitGraph=false'];
  const args = [...bounds.flatMap((setting) => ['-c', setting]), 'gc', '--quiet', '--prune=2.weeks.ago'];
  await runGit(dir, args, { timeout: LONGEST });
  return true;
}
