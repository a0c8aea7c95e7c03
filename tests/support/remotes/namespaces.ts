import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { startGuard } from './guard.js';

const run = promisify(execFile);

/** Network namespaces on one bridge. */
export interface Namespaces {
  /** `ip netns exec <name> …` runs in one. */
  names: readonly string[];
  /** Their addresses, in a private network that leads nowhere else. */
  addresses: readonly string[];
  /** Pulls the cable of one at the switch, or plugs it in: its own end sees the carrier go and come. */
  setCable(index: number, state: 'up' | 'down'): Promise<void>;
  /** Kills what runs in them and removes them. */
  close(): Promise<void>;
}

/** Waits for the end of its input, then removes every namespace whose name begins so; fails when one is left. */
const REMOVE = `
cat >/dev/null
status=0
for path in /run/netns/"$1"*; do
  [ -e "$path" ] || continue
  name=\${path##*/}
  ip netns pids "$name" | xargs -r kill -KILL 2>/dev/null
  ip netns del "$name" || status=1
done
exit $status
`;

/**
 * Makes `count` namespaces that are connected by a bridge in one more. The names hold the process and a random part,
 * so that two runs at once never meet; devices and addresses are inside, where nobody else sees them.
 * The first address ends in `first`.
 */
export async function makeNamespaces(count: number, first = 1): Promise<Namespaces> {
  const prefix = `mbx-${process.pid}-${randomBytes(3).toString('hex')}-`;
  const bridge = `${prefix}net`;
  const names = Array.from({ length: count }, (_, index) => `${prefix}${index}`);
  const addresses = names.map((_, index) => `10.83.0.${first + index}`);
  // Before the first of them is made: a failure, or the end of this process, in the middle removes those made so far.
  const guard = startGuard(REMOVE, [prefix], { PATH: `${process.env['PATH']}:/usr/sbin:/sbin` });

  const close = async (): Promise<void> => {
    await guard.release();
    if (guard.child.exitCode !== 0)
      throw new Error(`some namespace ${prefix}* could not be removed: see ip netns list`);
  };
  try {
    await ip('netns', 'add', bridge);
    await ip('-n', bridge, 'link', 'add', 'switch', 'type', 'bridge');
    await ip('-n', bridge, 'link', 'set', 'switch', 'up');
    for (const [index, name] of names.entries()) {
      const plug = `port${index}`;
      await ip('netns', 'add', name);
      await ip('-n', bridge, 'link', 'add', plug, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
      await ip('-n', bridge, 'link', 'set', plug, 'master', 'switch', 'up');
      await ip('-n', name, 'address', 'add', `${addresses[index]}/24`, 'dev', 'eth0');
      await ip('-n', name, 'link', 'set', 'lo', 'up');
      await ip('-n', name, 'link', 'set', 'eth0', 'up');
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    names,
    addresses,
    setCable: async (index, state) => {
      await ip('-n', bridge, 'link', 'set', `port${index}`, state);
    },
    close,
  };
}

async function ip(...args: string[]): Promise<void> {
  await run('ip', args, { timeout: 20_000 });
}
