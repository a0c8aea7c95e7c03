/** `warn`: worth knowing, nothing is broken. */
export type Level = 'ok' | 'warn' | 'wrong';

export interface Finding {
  check: string;
  level: Level;
  message: string;
  /** How to mend it. */
  hint: string | null;
}

export const ok = (check: string, message: string): Finding => ({ check, level: 'ok', message, hint: null });
export const warn = (check: string, message: string, hint: string): Finding => ({
  check,
  level: 'warn',
  message,
  hint,
});
export const wrong = (check: string, message: string, hint: string): Finding => ({
  check,
  level: 'wrong',
  message,
  hint,
});
