import { badPath, type ServiceSpec } from './spec.js';
import { escapeXml } from './xml.js';

/**
 * The text of a Windows scheduled task (`schtasks /Create /XML`), to be written as UTF-16 with a byte order mark. Pure.
 *
 * It starts at logon; and since the scheduler takes no exit code for a failure, it is started every five minutes
 * again, which does nothing while it runs. Throws `invalid` for a path in which the scheduler would put in a variable.
 */
export function renderScheduledTask(spec: ServiceSpec): string {
  for (const path of [spec.node, spec.main, spec.root, spec.environmentFile]) {
    if (/%|\$\(/.test(path)) throw badPath(path, 'in which the task scheduler would replace a variable');
  }
  const argv = [`--env-file=${spec.environmentFile}`, spec.main, 'start', '--root', spec.root];
  return `<?xml version="1.0" encoding="UTF-16"?>
<!-- Written by "mailboxd service install", which writes it anew each time.
     NOT TRIED: its form is tested, but mailboxd's authors had no Windows to run it on. -->
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>mailboxd for ${escapeXml(spec.root)}</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Repetition>
        <Interval>PT5M</Interval>
        <StopAtDurationEnd>false</StopAtDurationEnd>
      </Repetition>
      <Enabled>true</Enabled>${userId(spec)}
    </LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">${userId(spec)}
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <AllowHardTerminate>true</AllowHardTerminate>
    <StartWhenAvailable>true</StartWhenAvailable>
    <AllowStartOnDemand>true</AllowStartOnDemand>
    <Enabled>true</Enabled>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>5</Priority>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>${escapeXml(spec.node)}</Command>
      <Arguments>${escapeXml(argv.map(quoteArgument).join(' '))}</Arguments>
      <WorkingDirectory>${escapeXml(spec.root)}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
`;
}

/** Without a user the trigger is everybody's logon, which takes an administrator to register. */
function userId(spec: ServiceSpec): string {
  return spec.user === '' ? '' : `\n      <UserId>${escapeXml(spec.user)}</UserId>`;
}

/** One argument as CommandLineToArgvW takes it apart again. */
function quoteArgument(argument: string): string {
  if (/^[^\s"]+$/.test(argument)) return argument;
  return `"${argument.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1')}"`;
}
