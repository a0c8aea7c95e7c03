import { join } from 'node:path';
import { MailboxError } from '../core/errors.js';
import type { ServiceContext, ServiceManager, ServiceState } from './manager.js';
import { wordsOf, type CommandResult } from './run-command.js';
import { configHome } from './spec.js';
import { renderSystemdUnit, unitOf } from './systemd.js';

const PROPERTIES = ['ActiveState', 'SubState', 'MainPID', 'StatusText', 'NRestarts', 'Result', 'ExecMainStatus'];

export const systemdManager: ServiceManager = {
  platform: 'linux',
  tried: true,
  render: renderSystemdUnit,
  encode: (text) => Buffer.from(text),
  fileOf: ({ spec, environment }) => join(configHome('linux', environment), 'systemd', 'user', unitOf(spec)),
  more: (spec) => `journalctl --user -u ${unitOf(spec)}`,

  async check(context) {
    const session = await systemctl(context, 'show-environment');
    if (session.code !== 0) throw noSession(context, session);
    const notify = await context.run('systemd-notify', ['--version']);
    if (notify.code !== 0) {
      throw new MailboxError('unavailable', `found no systemd-notify (${wordsOf(notify)})`, {
        hint: 'it tells systemd that the daemon is ready: install the systemd package of your distribution',
      });
    }
  },

  async start(context, changed) {
    const { spec, environment } = context;
    await mustRun(context, 'daemon-reload');
    // An earlier run of failures must not count against the one that is asked for now.
    await systemctl(context, 'reset-failed', unitOf(spec));
    await mustRun(context, 'enable', unitOf(spec));
    await mustRun(context, changed ? 'restart' : 'start', unitOf(spec));
    if ((await lingers(context)) !== false) return [];
    return [
      'It starts when you log in and stops when you log out. To keep it running without a login, and from the',
      `machine's start on: loginctl enable-linger ${environment['USER'] ?? ''}`.trimEnd(),
    ];
  },

  async stop(context) {
    const session = await systemctl(context, 'show-environment');
    if (session.code !== 0) {
      return [`Nobody could be asked to stop it (${wordsOf(session)}); it goes at your next login, if it runs at all.`];
    }
    await mustRun(context, 'disable', '--now', unitOf(context.spec));
    return [];
  },

  async forget(context) {
    await systemctl(context, 'daemon-reload');
    await systemctl(context, 'reset-failed', unitOf(context.spec));
  },

  async query(context) {
    const shown = await systemctl(context, 'show', unitOf(context.spec), `--property=${PROPERTIES.join(',')}`);
    const without_login = await lingers(context);
    if (shown.code !== 0) {
      return { active: null, state: wordsOf(shown), pid: null, status: null, restarts: null, without_login };
    }
    return { ...parseProperties(shown.stdout), without_login };
  },
};

/** The output of `systemctl show`: `Name=value` lines. */
export function parseProperties(text: string): Omit<ServiceState, 'without_login'> {
  const values = new Map(
    text.split('\n').map((line): [string, string] => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
  const number = (name: string): number | null => (values.get(name) ? Number(values.get(name)) : null);
  const active = values.get('ActiveState') ?? 'unknown';
  const result = values.get('Result');
  const trouble = result && result !== 'success' ? `, last ended with ${result} (${values.get('ExecMainStatus')})` : '';
  return {
    active: active === 'active',
    state: `${active} (${values.get('SubState') ?? 'unknown'})${trouble}`,
    pid: number('MainPID') || null,
    status: values.get('StatusText') || null,
    restarts: number('NRestarts'),
  };
}

function systemctl({ run }: ServiceContext, ...args: string[]): Promise<CommandResult> {
  return run('systemctl', ['--user', ...args]);
}

async function mustRun(context: ServiceContext, ...args: string[]): Promise<void> {
  const result = await systemctl(context, ...args);
  if (result.code === 0) return;
  throw new MailboxError('failed', `systemctl --user ${args.join(' ')} failed: ${wordsOf(result)}`, {
    hint: `see: mailboxd service logs, or ${systemdManager.more(context.spec)}`,
  });
}

async function lingers({ environment, run }: ServiceContext): Promise<boolean | null> {
  const user = environment['USER'] ?? environment['LOGNAME'];
  const shown = await run('loginctl', ['show-user', ...(user ? [user] : []), '--property=Linger', '--value']);
  if (shown.code !== 0) return null;
  return shown.stdout.trim() === 'yes';
}

function noSession({ spec, environment }: ServiceContext, found: CommandResult): MailboxError {
  const start = `mailboxd start --root ${JSON.stringify(spec.root)}`;
  const runtime = environment['XDG_RUNTIME_DIR']
    ? ''
    : '; after su or sudo, log in as the user instead, since XDG_RUNTIME_DIR is not set';
  return new MailboxError('unavailable', `found no systemd user session (${wordsOf(found)}); nothing was installed`, {
    hint: `in a container, make this its command, with a restart policy: ${start}${runtime}; for another service manager, see: mailboxd service print`,
  });
}
