import { resolve } from 'node:path';
import { MailboxError } from '../../core/errors.js';
import { findClaude, installClaude, installDir, versionOfClaude } from '../../runners/claude/index.js';
import { ringBell } from '../../mailbox/serving.js';
import { claudeConfigOf, rootIfAny } from '../claude-config.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { safeText } from '../terminal-text.js';

export const command = defineCommand({
  about:
    'Installs the Claude CLI from npm for this user, after asking. Nothing outside the user’s data folder changes.',
  options: {
    yes: { type: 'boolean', alias: 'y', describe: 'Ask nothing' },
    force: { type: 'boolean', describe: 'Install also where a CLI is found already' },
  },
  examples: [
    ['mailboxd setup', 'install the CLI'],
    ['mailboxd setup --yes && mailboxd login', 'both steps'],
  ],
  async run(args, cli) {
    const { env, isTTY } = cli.io;
    const config = claudeConfigOf(cli);
    const found = findClaude(config.path, env);
    if (found !== undefined && args.force !== true) {
      const version = await versionOfClaude(found, config, env);
      if (cli.json) cli.data({ installed: false, path: found, version: version ?? null });
      else cli.line(`the Claude CLI is there already: ${found}${version === undefined ? '' : ` (${version})`}`);
      return EXIT.done;
    }
    const target = installDir(env);
    if (args.yes !== true) {
      if (!isTTY.stdin || !isTTY.stdout || cli.json) {
        throw new MailboxError('usage', 'found no terminal to ask on', {
          hint: `mailboxd setup --yes installs the CLI to ${target}`,
        });
      }
      const { confirm, isCancel } = await import('@clack/prompts');
      const answer = await confirm({
        message: `Install the Claude CLI (about 235 MB) from npm to ${resolve(target)}?`,
      });
      if (isCancel(answer) || !answer) return EXIT.failed;
    }
    if (!cli.json) cli.note('installing, this takes a minute …');
    const onOutput = (text: string): void => void (cli.json || cli.io.stderr.write(safeText(text)));
    const { path, version } = await installClaude({ environment: env, onOutput });
    const root = rootIfAny(cli);
    if (root !== undefined) ringBell(root);
    if (cli.json) cli.data({ installed: true, path, version });
    else cli.line(`claude ${version} is installed: ${path}\nNext: mailboxd login`);
    return EXIT.done;
  },
});
