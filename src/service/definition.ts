import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemCode } from '../core/errors.js';
import type { ServiceSpec } from './spec.js';

/** The definition's bytes, or undefined when there is none. */
export function readDefinition(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Writes it whole or not at all. False when it stands there already. */
export function writeDefinition(file: string, content: Buffer): boolean {
  if (readDefinition(file)?.equals(content)) return false;
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.new`;
  writeFileSync(temporary, content, { mode: 0o644 });
  renameSync(temporary, file);
  return true;
}

export function removeDefinition(file: string): void {
  rmSync(file, { force: true });
}

/** Whether both are alike but for PATH, which differs from one terminal to the next. */
export function isDefinitionCurrent(found: Buffer, wanted: Buffer): boolean {
  return withoutPath(found) === withoutPath(wanted);
}

function withoutPath(definition: Buffer): string {
  return definition
    .toString('latin1')
    .replace(/^Environment="PATH=.*$/m, '')
    .replace(/(<key>PATH<\/key>\s*<string>)[^<]*/, '$1');
}

const TEMPLATE = `# Environment of the mailboxd service, one NAME=value a line. Only you can read this file: keep it so.
# It is read when the service starts.
#ANTHROPIC_API_KEY=
#CLAUDE_CODE_OAUTH_TOKEN=
`;

/** Makes the file of settings when there is none, and takes other people's right to read it when they have it. */
export function writeEnvironmentFile({ environmentFile }: ServiceSpec): void {
  mkdirSync(dirname(environmentFile), { recursive: true, mode: 0o700 });
  try {
    writeFileSync(environmentFile, TEMPLATE, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    chmodSync(environmentFile, 0o600);
  }
}
