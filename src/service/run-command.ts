import { execFile } from 'node:child_process';

export interface CommandResult {
  /** Exit code; null when the program could not be started or was ended. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program of the system's. Never throws: what went wrong is in the result. */
export type RunCommand = (program: string, args: string[]) => Promise<CommandResult>;

/** Starting a service waits until it is ready, stopping one until its tasks are drained. */
const TIMEOUT_MS = 10 * 60_000;

export function runIn(environment: NodeJS.ProcessEnv): RunCommand {
  return (program, args) =>
    new Promise((resolve) => {
      execFile(
        program,
        args,
        { env: environment, timeout: TIMEOUT_MS, maxBuffer: 16 * 1024 * 1024, windowsHide: true },
        (error, stdout, stderr) => {
          if (!error) return resolve({ code: 0, stdout, stderr });
          const code = typeof error.code === 'number' ? error.code : null;
          resolve({ code, stdout, stderr: stderr || (code === null ? error.message : '') });
        },
      );
    });
}

/** The words of a failed command, for a person: its last line on standard error. */
export function wordsOf(result: CommandResult): string {
  const lines = (result.stderr.trim() || result.stdout.trim()).split('\n');
  return lines.at(-1)?.trim() || `exit code ${result.code}`;
}
