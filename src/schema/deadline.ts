/**
 * A stranger's schema can be small and still take forever: ten definitions that each name the next one twice, under
 * `allOf`, are a thousand checks; forty are more than a life. Nothing about its shape shows that, so it runs on a
 * clock: V8 can end synchronous code that runs below a `vm` script.
 */
import { type Context, Script, createContext } from 'node:vm';

let room: { context: Context; script: Script } | undefined;

/** The value of `work()`, or that it was cut off after `ms` milliseconds. What it throws goes through. About 70 µs. */
export function runWithin<T>(ms: number, work: () => T): { done: true; value: T } | { done: false } {
  room ??= { context: createContext({ work: undefined }), script: new Script('work()') };
  const outer: unknown = room.context['work'];
  let value: { value: T } | undefined;
  room.context['work'] = () => {
    value = { value: work() };
  };
  try {
    room.script.runInContext(room.context, { timeout: ms });
  } catch (error) {
    if (isTimeout(error)) return { done: false };
    throw error;
  } finally {
    room.context['work'] = outer;
  }
  return value === undefined ? { done: false } : { done: true, value: value.value };
}

/** The error belongs to the script's context, so that `instanceof Error` is false here. */
function isTimeout(error: unknown): boolean {
  return (
    error !== null && typeof error === 'object' && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
  );
}
