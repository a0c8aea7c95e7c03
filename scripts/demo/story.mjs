// How the demo tells what happens: scenes with the time they begin at, what a person would type, what it printed.
const isColored = process.stdout.isTTY === true && !process.env['NO_COLOR'];
const paint = (/** @type {number} */ style, /** @type {string} */ text) =>
  isColored ? `\u001b[${style}m${text}\u001b[0m` : text;
const [BOLD, DIM, GREEN, YELLOW, RED] = [1, 2, 32, 33, 31];
const MARGIN = ' '.repeat(9);

/** Seconds since the demo began. */
export function elapsed() {
  return ((performance.now() - began) / 1000).toFixed(1);
}
const began = performance.now();
let isFinished = false;

/** @param {string} title @param {string} more */
export function begin(title, more) {
  print(paint(BOLD, title));
  print(paint(DIM, more));
}

/** @param {string} text */
export function scene(text) {
  print(`\n${paint(DIM, time())}  ${paint(BOLD, text)}`);
}

/** A command that a person would type. @param {string} host @param {string} command */
export function typed(host, command) {
  print(`${MARGIN}${paint(DIM, `${host} $`)} ${paint(GREEN, command)}`);
}

/** What a program prints, with the time when it came. @param {string} host @param {string} line */
export function said(host, line) {
  print(`${paint(DIM, `${time()}  ${host} │`)} ${line}`);
}

/** A file, shown as it is; lines that are too long for the screen are cut. @param {string} text */
export function shown(text) {
  const width = Math.max(60, process.stdout.columns ?? 120) - MARGIN.length - 3;
  for (const line of text.trimEnd().split('\n')) {
    const fitting = line.length > width ? `${line.slice(0, width - 1)}…` : line;
    print(`${MARGIN}${paint(DIM, '│')} ${fitting}`.trimEnd());
  }
}

/** @param {string} text */
export function note(text) {
  print(`${paint(DIM, time())}  ${paint(YELLOW, text)}`);
}

/** The last line; nothing is told after it. @param {boolean} ok @param {string} text */
export function finish(ok, text) {
  print(`\n${paint(ok ? GREEN : RED, `demo: ${text}`)}`);
  isFinished = true;
}

function time() {
  return `${elapsed().padStart(5)} s`;
}

/** @param {string} text */
function print(text) {
  if (!isFinished) process.stdout.write(`${text}\n`);
}
