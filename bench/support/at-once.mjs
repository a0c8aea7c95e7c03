/**
 * Does `work(0)` … `work(count - 1)`, `width` at a time, and returns how many were done a second.
 * @param {number} count
 * @param {number} width
 * @param {(n: number) => Promise<unknown>} work
 */
export async function rateOf(count, width, work) {
  let next = 0;
  const started = performance.now();
  const lane = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, lane));
  return (count / (performance.now() - started)) * 1_000;
}
