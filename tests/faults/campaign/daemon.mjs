// A daemon as a process of its own: node daemon.mjs <root>. SIGTERM ends it in good order; `MAILBOXD_FAULT` in another.
// Events that matter afterwards are appended to <root>/events.ndjson at once.
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

const root = process.argv[2] ?? '';
const { startDaemon } = await import('../../../dist/daemon/daemon.js');
const started = Date.now();
const daemon = await startDaemon({
  root,
  onEvent(event) {
    if (event.type === 'output') return;
    appendFileSync(
      join(root, 'events.ndjson'),
      `${JSON.stringify({ pid: process.pid, at: Date.now() - started, ...event })}\n`,
    );
  },
});
process.once('SIGTERM', () => void daemon.stop(2_000).then(() => process.exit(0)));
