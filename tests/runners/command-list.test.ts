import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { defaultConfig, type Config } from '../../src/core/config.js';
import { createRunner, RUNNER_NAMES } from '../../src/runners/index.js';

const runners: Config['runners'] = {
  claude: { path: 'claude', env: {}, profiles: {}, warm: 0, mcp_servers: {} },
  command: { argv: ['cat'], output: 'text', env: {} },
  simulator: { duration: undefined },
};
const config: Config = { ...defaultConfig({ host: 'test', key: 'k' }), runners };
const context = { scratch: tmpdir(), environment: { PATH: process.env['PATH'] } };

describe('the list of runners', () => {
  it('makes each by its name', async () => {
    expect(RUNNER_NAMES).toEqual(['claude', 'command', 'simulator']);
    for (const name of RUNNER_NAMES) {
      const runner = createRunner(name, config, context);
      expect(runner.name).toBe(name);
      await runner.close();
    }
  });

  it.each(['', 'gpt', 'constructor'])('refuses %j and says what there is', (name) => {
    expect(() => createRunner(name, config, context)).toThrow(/expected one of claude, command, simulator/);
  });
});
