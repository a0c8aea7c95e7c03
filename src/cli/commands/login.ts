import { ringBell } from '../../mailbox/serving.js';
import { readParked } from '../../mailbox/parked.js';
import { claudeEnvironment, runLogin, storeToken } from '../../runners/claude/index.js';
import { claudeConfigOf, rootIfAny } from '../claude-config.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { readAll } from '../io.js';

export const command = defineCommand({
  about:
    'On a terminal: the Claude CLI’s own login. In a pipe: keeps the token on standard input, readable by this user alone. Parked mailboxes are then tried at once.',
  options: {
    profile: { type: 'string', describe: 'The login of this profile (runners.claude.profiles)' },
    'token-stdin': { type: 'boolean', describe: 'Read a token, also on a terminal' },
  },
  examples: [
    ['mailboxd login', 'sign in'],
    ['claude setup-token | mailboxd login', 'keep a token for the daemon'],
  ],
  async run(args, cli) {
    const { env, isTTY, stdin } = cli.io;
    const config = claudeConfigOf(cli);
    // Before a token is asked for: an unknown profile is the first thing that is wrong.
    if (args.profile !== undefined) claudeEnvironment(config, env, { profile: args.profile });
    let file: string | undefined;
    if (args['token-stdin'] === true || !isTTY.stdin) {
      file = await storeToken((await readAll(stdin)).toString('utf8'), env);
    } else {
      const options = { environment: env, ...(args.profile !== undefined && { profile: args.profile }) };
      if (!(await runLogin(config, options))) {
        cli.note('mailboxd: the login did not succeed');
        return EXIT.failed;
      }
    }
    const root = rootIfAny(cli);
    const parked = root === undefined ? [] : readParked(root).map((item) => item.mailbox);
    if (root !== undefined) ringBell(root);
    if (cli.json) cli.data({ signed_in: true, token_file: file ?? null, tried_again: parked });
    else {
      cli.line(file === undefined ? 'signed in' : `the token is kept in ${file}`);
      if (parked.length > 0) cli.line(`tried again now, if a daemon runs: ${parked.join(', ')}`);
    }
    return EXIT.done;
  },
});
