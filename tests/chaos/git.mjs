/** Git as a person runs it in a root: no configuration but a name. */
import { execFile, execFileSync } from 'node:child_process';

export const GIT_ENV = {
  PATH: process.env.PATH,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  GIT_EDITOR: 'true',
  LC_ALL: 'C',
};

const WHO = ['-c', 'user.name=Person', '-c', 'user.email=person@example.org', '-c', 'gc.auto=0'];
const MOST = 256 * 1024 * 1024;

/** What it printed; throws when it fails. @param {string} dir @param {string[]} args */
export function git(dir, ...args) {
  const options = { cwd: dir, env: { ...GIT_ENV, HOME: dir }, maxBuffer: MOST };
  return execFileSync('git', [...WHO, ...args], { ...options, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/**
 * Never throws: what came of it. A person does not wait longer than `timeout` ms.
 * @param {string} dir @param {string[]} args @param {{ timeout?: number, config?: string[] }} [how]
 * @returns {Promise<{ ok: boolean, text: string }>}
 */
export function tryGit(dir, args, { timeout = 15_000, config = [] } = {}) {
  const options = { cwd: dir, env: { ...GIT_ENV, HOME: dir }, maxBuffer: MOST, timeout, killSignal: 'SIGTERM' };
  return new Promise((resolve) => {
    execFile('git', [...WHO, ...config, ...args], /** @type {any} */ (options), (error, stdout, stderr) =>
      resolve({ ok: !error, text: String(stdout) + String(stderr) }),
    );
  });
}

/** Bytes of blobs, by id; what is missing is left out. @param {string} dir @param {string[]} oids */
export function readBlobs(dir, oids) {
  const input = `${oids.join('\n')}\n`;
  const out = execFileSync('git', ['cat-file', '--batch'], {
    ...{ cwd: dir, env: { ...GIT_ENV, HOME: dir }, input, maxBuffer: MOST },
  });
  /** @type {Map<string, Buffer>} */
  const found = new Map();
  for (let at = 0; at < out.length; ) {
    const end = out.indexOf(10, at);
    const [oid = '', kind, size] = out.subarray(at, end).toString('latin1').split(' ');
    if (kind === 'missing') {
      at = end + 1;
      continue;
    }
    found.set(oid, out.subarray(end + 1, end + 1 + Number(size)));
    at = end + 1 + Number(size) + 1;
  }
  return found;
}
