/**
 * Loaded before everything else in a daemon whose clock is wrong (`node --import clock.mjs`): the wall clock, and the
 * times of files with it, are off by `CHAOS_CLOCK` ms. The monotonic clock is not. Programs of node that it starts are
 * on the same wrong clock.
 */
import childProcess from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const off = Number(process.env.CHAOS_CLOCK ?? 0);
const offNs = BigInt(Math.round(off)) * 1_000_000n;
const RealDate = Date;

class ShiftedDate extends RealDate {
  /** @param {any[]} given */
  constructor(...given) {
    super(...(given.length === 0 ? [RealDate.now() + off] : /** @type {[any]} */ (/** @type {unknown} */ (given))));
  }
  static now() {
    return RealDate.now() + off;
  }
}
globalThis.Date = /** @type {DateConstructor} */ (/** @type {unknown} */ (ShiftedDate));

function shift(stat) {
  if (!stat) return stat;
  for (const name of ['atime', 'mtime', 'ctime', 'birthtime']) {
    const ms = `${name}Ms`;
    if (typeof stat[ms] === 'bigint') {
      const at = { ms: stat[ms] + BigInt(Math.round(off)), ns: stat[`${name}Ns`] + offNs };
      stat[`${name}Ns`] = at.ns;
      stat[ms] = at.ms;
    } else stat[ms] += off;
  }
  return stat;
}

for (const name of ['statSync', 'lstatSync', 'fstatSync']) {
  const real = fs[name];
  fs[name] = (...given) => shift(real(...given));
}
for (const name of ['stat', 'lstat']) {
  const real = fs.promises[name];
  fs.promises[name] = async (...given) => shift(await real(...given));
}
const { spawn } = childProcess;
childProcess.spawn = /** @type {any} */ (
  (program, args, options) =>
    program === process.execPath && Array.isArray(args)
      ? spawn(program, ['--import', import.meta.url, ...args], {
          ...options,
          env: { ...options?.env, CHAOS_CLOCK: String(off) },
        })
      : spawn(program, args, options)
);
syncBuiltinESMExports();
