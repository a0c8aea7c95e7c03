// A daemon as a process of its own: node daemon.mjs <root>. SIGTERM ends it in good order; `MAILBOXD_FAULT` in another.
// Events that matter afterwards are appended to <root>/events.ndjson at once.
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

const root = process.argv[2] ?? '';
const events = process.env.EVENTS ?? join(root, 'events.ndjson');
const { startDaemon } = await import('../../../dist/daemon/daemon.js');
const started = Date.now();
process.once('SIGTERM', () => void starting.then((daemon) => daemon.stop(2_000)).then(() => process.exit(0)));
const starting = startDaemon({
  root,
  onEvent(event) {
    if (event.type === 'output') return;
    const line = `${JSON.stringify({ pid: process.pid, at: Date.now() - started, ...event })}\n`;
    try {
      appendFileSync(events, line);
    } catch {
      process.stderr.write(line); // open files are what is tested
    }
  },
});
await starting;
