import { join } from 'node:path';
import { MailboxError } from '../core/errors.js';
import { labelOf, renderLaunchdPlist } from './launchd.js';
import type { ServiceContext, ServiceManager } from './manager.js';
import { wordsOf } from './run-command.js';
import { homeOf } from './spec.js';

export const launchdManager: ServiceManager = {
  platform: 'macos',
  tried: false,
  render: renderLaunchdPlist,
  encode: (text) => Buffer.from(text),
  fileOf: ({ spec, environment }) => join(homeOf(environment), 'Library', 'LaunchAgents', `${labelOf(spec)}.plist`),
  more: (spec) => `launchctl print gui/$(id -u)/${labelOf(spec)}`,

  async check({ run }) {
    const domain = await run('launchctl', ['print', domainOf()]);
    if (domain.code === 0) return;
    throw new MailboxError(
      'unavailable',
      `found no login session of launchd (${wordsOf(domain)}); nothing was installed`,
      {
        hint: 'log in at the screen once, or see: mailboxd service print',
      },
    );
  },

  async start(context, changed) {
    const { spec, run } = context;
    if (changed) await run('launchctl', ['bootout', `${domainOf()}/${labelOf(spec)}`]);
    const loaded = (await run('launchctl', ['print', `${domainOf()}/${labelOf(spec)}`])).code === 0;
    if (!loaded) {
      const result = await run('launchctl', ['bootstrap', domainOf(), launchdManager.fileOf(context)]);
      if (result.code !== 0) throw new MailboxError('failed', `launchctl bootstrap failed: ${wordsOf(result)}`);
    }
    return ['It starts when you log in at the screen and stops when you log out.'];
  },

  async stop({ spec, run }) {
    const result = await run('launchctl', ['bootout', `${domainOf()}/${labelOf(spec)}`]);
    return result.code === 0 ? [] : [`launchctl had nothing to stop (${wordsOf(result)}).`];
  },

  async forget() {
    // A label that was booted out is forgotten already.
  },

  async query({ spec, run }: ServiceContext) {
    const shown = await run('launchctl', ['print', `${domainOf()}/${labelOf(spec)}`]);
    const state = /^\s*state = (.+)$/m.exec(shown.stdout)?.[1];
    const pid = /^\s*pid = (\d+)$/m.exec(shown.stdout)?.[1];
    return {
      active: shown.code === 0 ? state === 'running' : false,
      state: state ?? wordsOf(shown),
      pid: pid === undefined ? null : Number(pid),
      status: null,
      restarts: null,
      without_login: false,
    };
  },
};

function domainOf(): string {
  return `gui/${process.getuid?.() ?? 501}`;
}
