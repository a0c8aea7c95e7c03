import { defineCommand } from '../command.js';
import { examine } from '../doctor/checks.js';
import type { Level } from '../doctor/finding.js';
import { EXIT } from '../exit-codes.js';
import { safeLine, type Style } from '../terminal-text.js';

const SIGNS: Record<Level, readonly [sign: string, style: Style]> = {
  ok: ['ok   ', 'green'],
  warn: ['note ', 'yellow'],
  wrong: ['WRONG', 'red'],
};

export const command = defineCommand({
  about:
    'Looks at the configuration, folders, git, the remote, the runner and its login, the daemon, file watches, disk, clock and stray files. Exits 1 when something is wrong.',
  options: { probe: { type: 'boolean', describe: 'Also ask the API whether the login works (a fraction of a cent)' } },
  examples: [['mailboxd doctor', 'what is wrong?']],
  async run(args, cli) {
    const findings = await examine({
      dir: cli.rootDir(),
      env: cli.io.env,
      now: Date.now(),
      probe: args.probe === true,
    });
    const isWell = findings.every((finding) => finding.level !== 'wrong');
    if (cli.json) {
      cli.data({ ok: isWell, findings });
      return isWell ? EXIT.done : EXIT.failed;
    }
    for (const { check, level, message, hint } of findings) {
      const [sign, style] = SIGNS[level];
      cli.line(`${cli.paint(style, sign)} ${check.padEnd(9)} ${safeLine(message)}`);
      if (hint) cli.line(`${' '.repeat(16)}${cli.paint('dim', `→ ${safeLine(hint)}`)}`);
    }
    return isWell ? EXIT.done : EXIT.failed;
  },
});
