/**
 * Waits until `is` holds; throws after `limit` ms, naming `what`.
 * @param {() => boolean} is
 * @param {number} limit
 * @param {string} what
 */
export async function until(is, limit, what) {
  const end = performance.now() + limit;
  while (!is()) {
    if (performance.now() > end) throw new Error(`waited ${limit} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
