/** Signing and verifying with the SSH keys that people have already: `ssh-keygen -Y`, and nothing of our own. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { MailboxError } from '../../core/errors.js';
import { armourSignature, signatureBody, SIGNATURE_NAMESPACE } from '../../core/signature.js';

export type SshVerdict =
  | { kind: 'good' }
  /** What was signed is something else, or it is no signature at all. */
  | { kind: 'altered' }
  /** A true signature, by a key that the file does not list for this sender. `key`: its kind and fingerprint. */
  | { kind: 'stranger'; key: string };

/** What ssh-keygen needs to find its keys and agents; what it needs to ask a person only where one is there. */
const PASSED = [
  'PATH',
  'HOME',
  'USERPROFILE',
  'SystemRoot',
  'TMPDIR',
  'TEMP',
  'TMP',
  'SSH_AUTH_SOCK',
  'SSH_SK_PROVIDER',
];
const ASKING = ['TERM', 'DISPLAY', 'WAYLAND_DISPLAY', 'XAUTHORITY', 'SSH_ASKPASS', 'SSH_ASKPASS_REQUIRE'];

const VERIFY_TIMEOUT = 15_000;
/** A person may have to type a passphrase or touch a token, ms. */
const SIGN_TIMEOUT = 120_000;

interface Said {
  code: number | undefined;
  stdout: string;
  stderr: string;
}

async function runKeygen(args: string[], input: string, timeout: number, mayAsk = false): Promise<Said> {
  const names = mayAsk ? [...PASSED, ...ASKING] : PASSED;
  const env = Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
  const result = await execa('ssh-keygen', args, {
    input,
    env: { ...env, LC_ALL: 'C' },
    extendEnv: false,
    reject: false,
    stripFinalNewline: false,
    timeout,
    // In a session of its own it has no terminal to ask on, and fails at once.
    detached: !mayAsk && process.platform !== 'win32',
  });
  if (result.failed && result.code === 'ENOENT') {
    throw new MailboxError('unavailable', 'found no ssh-keygen on PATH, expected that of OpenSSH 8.2 or later', {
      hint: 'install it: apt-get install openssh-client (Debian, Ubuntu), dnf install openssh (Fedora); macOS has it',
    });
  }
  if (result.timedOut) {
    throw new MailboxError('unavailable', `ssh-keygen took longer than ${timeout / 1000} s`, {
      hint: 'see whether it waits for a passphrase or a token; an agent (ssh-add) answers for it',
    });
  }
  return { code: result.exitCode, stdout: result.stdout, stderr: result.stderr };
}

/**
 * The signature of `payload` by the key in the file `key` (private, or public with its private key in an agent), as
 * base64. `mayAsk`: a person is there who can type a passphrase. Throws `not_found` without such a key, `unavailable`
 * when it cannot be used.
 */
export async function signWithSsh(payload: string, key: string, mayAsk: boolean): Promise<string> {
  if (!existsSync(key) && !existsSync(`${key}.pub`)) {
    throw new MailboxError('not_found', `found no key ${key}, expected an SSH key to sign with`, {
      hint: 'name one that is there, as in --sign ~/.ssh/id_ed25519, or make it with `ssh-keygen -t ed25519`',
    });
  }
  const said = await runKeygen(['-Y', 'sign', '-f', key, '-n', SIGNATURE_NAMESPACE], payload, SIGN_TIMEOUT, mayAsk);
  if (said.code === 0) return signatureBody(said.stdout);
  const words = lastLine(said.stderr);
  if (/passphrase/i.test(words)) {
    const found = mayAsk ? 'the passphrase was wrong' : 'it needs a passphrase, and there is no terminal to ask on';
    throw new MailboxError('unavailable', `cannot sign with ${key}: ${found}`, {
      hint: `put it into an agent with \`ssh-add ${key.replace(/\.pub$/, '')}\`, and see that SSH_AUTH_SOCK names the agent`,
    });
  }
  const isAway = /no private key found/i.test(words);
  const hint = isAway
    ? `no agent has its private key: add it with \`ssh-add ${key.replace(/\.pub$/, '')}\`, and see that SSH_AUTH_SOCK is set`
    : `try it by hand: echo test | ssh-keygen -Y sign -n ${SIGNATURE_NAMESPACE} -f ${key}`;
  throw new MailboxError('unavailable', `cannot sign with ${key}: ${words || 'ssh-keygen failed'}`, { hint });
}

/**
 * Whether `signature` (base64) is one of `payload` by a key that `allowedSigners` lists for `from`. Throws
 * `unavailable` when ssh-keygen cannot be used: that says nothing about the message.
 */
export async function verifyWithSsh(
  payload: string,
  signature: string,
  from: string,
  allowedSigners: string,
): Promise<SshVerdict> {
  const armoured = armourSignature(signature);
  if (armoured === undefined) return { kind: 'altered' };
  const dir = await mkdtemp(join(tmpdir(), 'mailboxd-signature-'));
  try {
    const file = join(dir, 'signature');
    await writeFile(file, armoured, { mode: 0o600 });
    const common = ['-n', SIGNATURE_NAMESPACE, '-s', file];
    const allowed = await runKeygen(
      ['-Y', 'verify', '-f', allowedSigners, '-I', from, ...common],
      payload,
      VERIFY_TIMEOUT,
    );
    if (allowed.code === 0) return { kind: 'good' };
    const any = await runKeygen(['-Y', 'check-novalidate', ...common], payload, VERIFY_TIMEOUT);
    if (any.code !== 0) return { kind: 'altered' };
    const key = / with (\S+ key \S+)/.exec(any.stdout)?.[1] ?? 'a key';
    return { kind: 'stranger', key };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function lastLine(text: string): string {
  return (
    text
      .trim()
      .split(/\r?\n/)
      .at(-1)
      ?.replace(/^Enter passphrase[^:]*: */, '')
      .trim() ?? ''
  );
}
