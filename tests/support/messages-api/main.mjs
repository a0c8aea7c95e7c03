/**
 * The stub as a process of its own: `node main.mjs [script.json] [--port N]`. Prints its address as one line and
 * lives until stdin closes or a signal comes.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startMessagesApi } from './server.mjs';

const { values, positionals } = parseArgs({
  options: { port: { type: 'string', default: '0' } },
  allowPositionals: true,
});
const script = positionals[0] ? JSON.parse(readFileSync(positionals[0], 'utf8')) : [];
const api = await startMessagesApi(script, { port: Number(values.port) });
process.stdout.write(`${api.url}\n`);
const stop = () => void api.close().then(() => process.exit(0));
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
process.stdin.on('end', stop).resume();
