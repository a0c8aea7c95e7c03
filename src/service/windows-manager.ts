import { join } from 'node:path';
import { MailboxError } from '../core/errors.js';
import type { ServiceManager } from './manager.js';
import { wordsOf } from './run-command.js';
import { renderScheduledTask } from './scheduled-task.js';
import { configHome } from './spec.js';

export const windowsManager: ServiceManager = {
  platform: 'windows',
  tried: false,
  render: renderScheduledTask,
  encode: (text) => Buffer.from(`\ufeff${text}`, 'utf16le'),
  fileOf: ({ spec, environment }) => join(configHome('windows', environment), 'mailboxd', `${spec.name}.xml`),
  more: (spec) => `schtasks /Query /TN ${spec.name} /V /FO LIST`,

  async check({ run }) {
    const result = await run('schtasks', ['/Query', '/FO', 'CSV', '/NH']);
    if (result.code === 0) return;
    throw new MailboxError('unavailable', `found no task scheduler (${wordsOf(result)}); nothing was installed`, {
      hint: 'see: mailboxd service print',
    });
  },

  async start(context, changed) {
    const { spec, run } = context;
    const known = (await run('schtasks', ['/Query', '/TN', spec.name])).code === 0;
    const steps = [
      ...(changed || !known ? [['/Create', '/TN', spec.name, '/XML', windowsManager.fileOf(context), '/F']] : []),
      ['/Run', '/TN', spec.name],
    ];
    for (const args of steps) {
      const result = await run('schtasks', args);
      if (result.code !== 0) throw new MailboxError('failed', `schtasks ${args[0]} failed: ${wordsOf(result)}`);
    }
    return [
      'It starts when you log on, in a window of its own, and stops when you log off.',
      'The scheduler ends it without a warning; a task it was running is gone on with at the next start.',
    ];
  },

  async stop({ spec, run }) {
    await run('schtasks', ['/End', '/TN', spec.name]);
    const result = await run('schtasks', ['/Delete', '/TN', spec.name, '/F']);
    return result.code === 0 ? [] : [`The scheduler had nothing to remove (${wordsOf(result)}).`];
  },

  async forget() {
    // /Delete did.
  },

  async query({ spec, run }) {
    const shown = await run('schtasks', ['/Query', '/TN', spec.name, '/FO', 'CSV', '/NH']);
    // "\name","next run","Running": the last column, in the system's language.
    const state = /"([^"]*)"\s*$/.exec(shown.stdout)?.[1] ?? wordsOf(shown);
    return {
      active: shown.code === 0 ? state === 'Running' : false,
      state,
      pid: null,
      status: null,
      restarts: null,
      without_login: false,
    };
  },
};
