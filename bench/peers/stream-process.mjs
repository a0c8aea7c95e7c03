// The child of the row `stream`: 200 events a second for some seconds, each with the time at which it was written.
const [seconds = '5'] = process.argv.slice(2);
const PERIOD = 5;
const count = (Number(seconds) * 1_000) / PERIOD;
const started = performance.now();
let told = 0;
const timer = setInterval(() => {
  const due = Math.min(count, Math.floor((performance.now() - started) / PERIOD));
  for (; told < due; told += 1) {
    const content = `@${(performance.timeOrigin + performance.now()).toFixed(1)}\n`;
    process.stdout.write(`${JSON.stringify({ type: 'progress', content })}\n`);
  }
  if (told < count) return;
  clearInterval(timer);
  // The last ones are to be seen in the file while it still grows.
  setTimeout(() => process.stdout.write(`${JSON.stringify({ type: 'result', result: 'done' })}\n`), 500);
}, PERIOD);
