/**
 * Polls until `condition` is true (or returns something truthy) and returns that. Throws after `timeout` ms with
 * `what` was awaited.
 */
export async function waitUntil<T>(
  condition: () => T | Promise<T>,
  options: { timeout?: number; what?: string } = {},
): Promise<Exclude<T, false | undefined | null | 0 | ''>> {
  const timeout = options.timeout ?? 5_000;
  const deadline = performance.now() + timeout;
  for (;;) {
    const value = await condition();
    if (value) return value as Exclude<T, false | undefined | null | 0 | ''>;
    if (performance.now() > deadline)
      throw new Error(`waited ${timeout} ms in vain for ${options.what ?? 'a condition'}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
