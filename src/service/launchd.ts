import { posix } from 'node:path';
import type { ServiceSpec } from './spec.js';
import { escapeXml } from './xml.js';

/**
 * The text of a launchd agent (launchd.plist(5)). Pure. launchd knows no file of settings, so Node reads it, and no
 * exit codes that are not restarted, so `MAILBOXD_SERVICE` asks the CLI to end well on them (`serviceExitCode`).
 */
export function renderLaunchdPlist(spec: ServiceSpec): string {
  const log = posix.join(spec.root, '.mailboxd', 'logs', 'service.log');
  const argv = [spec.node, `--env-file=${spec.environmentFile}`, spec.main, 'start', '--root', spec.root];
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- Written by "mailboxd service install", which writes it anew each time.
     NOT TRIED: its form is tested, but mailboxd's authors had no Mac to run it on. -->
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${escapeXml(labelOf(spec))}</string>
  <key>ProgramArguments</key>
  <array>
${argv.map((argument) => `    <string>${escapeXml(argument)}</string>`).join('\n')}
  </array>
  <key>EnvironmentVariables</key>
  <dict>
    <key>PATH</key>
    <string>${escapeXml(spec.path)}</string>
    <key>MAILBOXD_SERVICE</key>
    <string>launchd</string>
  </dict>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ThrottleInterval</key>
  <integer>30</integer>
  <key>ExitTimeOut</key>
  <integer>${spec.stopSeconds}</integer>
  <key>StandardOutPath</key>
  <string>${escapeXml(log)}</string>
  <key>StandardErrorPath</key>
  <string>${escapeXml(log)}</string>
</dict>
</plist>
`;
}

export function labelOf(spec: ServiceSpec): string {
  return `dev.mailboxd.${spec.name}`;
}
