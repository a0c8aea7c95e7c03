import { badPath, type ServiceSpec } from './spec.js';

/**
 * The text of a systemd user unit (systemd.unit(5), systemd.service(5), systemd.exec(5)). Pure.
 *
 * It is hardened only as far as a task's tools stay usable: no sandbox of files or network, since what a task may
 * touch is the host's `config.yaml` to say, and no NoNewPrivileges, since Claude's own sandbox may need a setuid helper.
 */
export function renderSystemdUnit(spec: ServiceSpec): string {
  return `# Written by "mailboxd service install", which writes it anew each time. Settings of your own belong into
# ${spec.environmentFile} or, for the unit, into: systemctl --user edit ${spec.name}
[Unit]
Description=mailboxd for "${escapeSpecifiers(spec.root)}"
StartLimitIntervalSec=300
StartLimitBurst=5

[Service]
Type=notify
# Each notice is a short-lived systemd-notify, not the main process itself.
NotifyAccess=all
ExecStart=${commandOf(spec)}
Environment=${quoteWord(`PATH=${spec.path}`)} MAILBOXD_SERVICE=systemd
EnvironmentFile=-${escapeGlob(spec.environmentFile)}
TimeoutStartSec=120
# A hung daemon sends no beat and is restarted.
WatchdogSec=${spec.watchdogSeconds}
Restart=on-failure
RestartSec=5
# A usage or configuration error stays one until a person has seen to it.
RestartPreventExitStatus=64 78
# A stop asks the daemon alone, which drains; what is left after it is killed.
KillMode=mixed
TimeoutStopSec=${spec.stopSeconds}
# A tool of a task that takes all memory is ended; the daemon goes on.
OOMPolicy=continue
LockPersonality=yes
RestrictRealtime=yes

[Install]
WantedBy=default.target
`;
}

/** The unit's file name. */
export function unitOf(spec: ServiceSpec): string {
  return `${spec.name}.service`;
}

/**
 * Words, with the variables that systemd would put into all but the first taken away. That first one it refuses, in
 * whatever quotes, when its path holds a quote or a backslash; a shell then starts it in its own place.
 */
function commandOf({ node, main, root }: ServiceSpec): string {
  const argv = [node, main, 'start', '--root', root];
  if (/["'\\]/.test(node)) argv.unshift('/bin/sh', '-c', 'exec "$0" "$@"');
  return argv.map((word, n) => (n === 0 ? quoteWord(word) : quoteWord(word).replaceAll('$', '$$$$'))).join(' ');
}

/** One word of ExecStart= or Environment=: quotes, backslashes and specifiers escaped. */
function quoteWord(word: string): string {
  return `"${escapeSpecifiers(word).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

function escapeSpecifiers(text: string): string {
  return text.replaceAll('%', '%%');
}

/** EnvironmentFile= takes the rest of the line, without quotes, as a pattern for file names. */
function escapeGlob(path: string): string {
  if (/[\s\\]$/.test(path)) throw badPath(path, 'which ends in a way that a unit cannot say');
  return escapeSpecifiers(path.replace(/[\\*?[\]]/g, '\\$&'));
}
