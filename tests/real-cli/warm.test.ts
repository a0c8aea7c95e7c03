import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { pidOf } from '../../src/host/process-id.js';
import { findTagged } from '../../src/runners/process/index.js';
import { waitUntil } from '../support/wait-until.js';
import {
  bash,
  dropTask,
  ended,
  expectGone,
  makeScene,
  PATIENCE,
  type Scene,
  sessionOf,
  untilRunning,
} from './harness.js';

/** The sessions that have a scratch directory. */
function scratch(scene: Scene): string[] {
  const dir = join(scene.root, '.mailboxd', 'scratch');
  return existsSync(dir) ? readdirSync(dir) : [];
}

it('real CLI: a plain task adopts the warm process with its session and its directory', async () => {
  const scene = await makeScene({ claude: 'warm: 1', yaml: 'limits: { max_turns: 9, cost_per_task: 5 }' });
  scene.script('warm-up', { text: 'Warm.', tools: [bash('true')] }, { text: 'It is warm.' });
  const daemon = await scene.startDaemon();
  try {
    const [session = ''] = await waitUntil(() => scratch(scene).length > 0 && scratch(scene), {
      what: 'a warm process',
    });
    const [warm] = findTagged(session);
    dropTask(scene, 'plain.md', 'warm-up');
    const text = await untilRunning(scene, 'plain.md', 'claim:');
    expect(sessionOf(text)).toBe(session);
    const entry: unknown = await waitUntil(
      () => {
        const path = join(scene.root, `.mailboxd/running/${session}.json`);
        const read: unknown = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
        return (read as { process?: string }).process;
      },
      { timeout: PATIENCE, what: 'its process' },
    );
    expect(pidOf(String(entry))).toBe(warm);
    const done = await ended(scene, 'complete', 'plain.md');
    expect(sessionOf(done)).toBe(session);
    expect(done).toMatch(/## Result\n\nIt is warm\.\n$/);
    expect(scene.requestsOf('warm-up')).toHaveLength(2);

    // One that asks for more than a plain task is started cold, and leaves the next warm one alone.
    const [next = ''] = await waitUntil(
      () => {
        const others = scratch(scene).filter((name) => name !== session);
        return others.length > 0 && others;
      },
      { what: 'another warm process' },
    );
    scene.script('special-wish', { text: 'Cold.' });
    dropTask(scene, 'special.md', 'special-wish', 'options: { max_turns: 3 }');
    expect(sessionOf(await ended(scene, 'complete', 'special.md'))).not.toBe(next);
    expect(findTagged(next)).not.toEqual([]);
    await daemon[Symbol.asyncDispose]();
    expectGone(next);
  } finally {
    await daemon[Symbol.asyncDispose]();
    await scene.api.close();
  }
});
