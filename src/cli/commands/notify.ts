import { findRoot } from '../../mailbox/root.js';
import { readServing, ringBell } from '../../mailbox/serving.js';
import { diskFault } from '../../store/durable.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const command = defineCommand({
  about:
    'Makes the daemons of a root look at once: at the folders, and at the remote. For a hook (post-receive) or a webhook.',
  positionals: { dir: { type: 'string', describe: 'The root; else as for all commands' } },
  examples: [['mailboxd notify /srv/mail', 'in hooks/post-receive of a bare repository on the same machine']],
  async run(args, cli) {
    const dir = args.dir === undefined ? cli.rootDir() : findRoot(args.dir, cli.io.cwd, cli.io.env);
    try {
      ringBell(dir);
    } catch (error) {
      throw diskFault(error, `ringing the bell of ${dir}`);
    }
    const pids = readServing(dir).map(({ pid }) => pid);
    if (cli.json) cli.data({ root: dir, pids });
    else if (pids.length === 0) cli.line(`no daemon runs in ${dir}; it looks by itself when it starts`);
    else cli.line(`${pids.length === 1 ? 'the daemon' : `${pids.length} daemons`} of ${dir} will look now`);
    return EXIT.done;
  },
});
