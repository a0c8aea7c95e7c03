/**
 * A git host over HTTP as a process of its own, for a network namespace:
 * `node http-server-process.mjs '{"dir": …, "host": …, "port": …, "user": …, "password": …}'`.
 * Prints a line of JSON for each event: `{"listening": {url, port}}`, then `{"request": {method, path, status}}` as
 * each ends. Takes a line of JSON for each order: `{"fail": …}` as in git-http-server.mjs, `{"heal": true}`; it answers
 * `{"done": true}`. It ends when its input does, so it never outlives the test.
 */
import { createInterface } from 'node:readline';
import { serveGitOverHttp } from './git-http-server.mjs';

/** @param {unknown} event */
const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

const options = JSON.parse(process.argv[2] ?? '{}');
const server = await serveGitOverHttp({ ...options, env: process.env, onRequest: (request) => say({ request }) });
say({ listening: { url: server.url, port: server.port } });

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  if (order.fail !== undefined) server.fail(order.fail);
  if (order.heal) server.heal();
  say({ done: true });
}
await server.close();
