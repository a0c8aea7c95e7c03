/** What one root remembers of signatures: verdicts for a while, and the ids that were run. */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { SignatureRules } from '../../core/config.js';
import type { Root } from '../root.js';
import { openSeenIds, type SeenIds } from './seen.js';
import type { SshVerdict } from './ssh-keygen.js';

export interface AllowedSigners {
  path: string;
  /** Which content of the file this is; undefined when there is no such file. */
  stamp: string | undefined;
}

export interface SignatureGate {
  seen: SeenIds;
  verify(payload: string, signature: string, from: string, signers: AllowedSigners): Promise<SshVerdict>;
}

/** Verdicts that are kept, and for how long, ms: a line of the allowed-signers file may end at a time. */
const MOST = 1_000;
const LASTS = 60_000;

const gates = new WeakMap<Root, SignatureGate>();

export function signatureGate(root: Root): SignatureGate {
  let gate = gates.get(root);
  if (!gate) {
    gate = { seen: openSeenIds(root.dir, root.config.signatures.max_age), verify: createVerdicts() };
    gates.set(root, gate);
  }
  return gate;
}

function createVerdicts(): SignatureGate['verify'] {
  const verdicts = new Map<string, { verdict: SshVerdict; until: number }>();
  return async (payload, signature, from, signers) => {
    const parts = [payload, signature, from, signers.path, signers.stamp];
    const key = createHash('sha256').update(JSON.stringify(parts)).digest('base64');
    const known = verdicts.get(key);
    if (known && known.until > performance.now()) return known.verdict;
    const { verifyWithSsh } = await import('./ssh-keygen.js');
    const verdict = await verifyWithSsh(payload, signature, from, signers.path);
    if (verdicts.size >= MOST) verdicts.clear();
    verdicts.set(key, { verdict, until: performance.now() + LASTS });
    return verdict;
  };
}

export function allowedSignersOf(root: Root): AllowedSigners {
  const path = resolve(root.dir, root.config.signatures.allowed_signers);
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  const isThere = stat?.isFile() === true;
  return { path, stamp: isThere ? `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}` : undefined };
}

/** Whether a message from `from` must be signed. One that names no sender is covered by `true` alone. */
export function isRequired(rules: SignatureRules, from: string | undefined): boolean {
  return typeof rules.require === 'boolean' ? rules.require : rules.require.includes(from ?? 'unknown');
}
