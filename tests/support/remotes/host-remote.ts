import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { bareRemote, type BareOptions, type BareRemote } from './bare.js';
import type { HttpFault, HttpRequest } from './git-http-server.mjs';
import type { NetHosts } from './hosts.js';
import { withPassword } from './http.js';

const program = fileURLToPath(new URL('./http-server-process.mjs', import.meta.url));

/** A bare repository behind an HTTP server in a host of its own; only hosts reach its URL. */
export interface HostRemote extends BareRemote {
  urlWithPassword: string;
  requests(): readonly HttpRequest[];
  /** As in git-http-server.mjs; resolves when the server knows. */
  fail(fault: HttpFault): Promise<void>;
  heal(): Promise<void>;
  /** Ends the server and leaves the repository: `startHttpRemote` with it starts another at the same URL. */
  stop(): Promise<void>;
}

type Event = { listening?: { url: string }; request?: HttpRequest; done?: true };

/** Serves a repository from one of the hosts (0 unless told), on a fixed port, so that its URL stays when it is started again. */
export async function startHttpRemote(
  hosts: NetHosts,
  options: BareOptions & {
    host?: number;
    port?: number;
    user?: string;
    password?: string;
    repository?: BareRemote;
  } = {},
): Promise<HostRemote> {
  const { host = 0, port = 8_080, user, password = '' } = options;
  const { dir } = options.repository ?? bareRemote(options);
  const server = hosts.spawn(host, [
    process.execPath,
    program,
    JSON.stringify({ dir, host: hosts.address(host), port, ...(user !== undefined && { user, password }) }),
  ]);
  const gone = once(server, 'close');
  const requests: HttpRequest[] = [];
  const waiting: ((event: Event) => void)[] = [];
  let said = '';
  server.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  server.stdin?.on('error', () => undefined);
  if (server.stdout === null) throw new Error('found no output of the server');
  const lines = createInterface({ input: server.stdout });
  lines.on('line', (line) => {
    const event = JSON.parse(line) as Event;
    if (event.request === undefined) waiting.shift()?.(event);
    else requests.push(event.request);
  });
  const answer = async (order?: object): Promise<Event> => {
    const event = new Promise<Event>((resolve) => waiting.push(resolve));
    if (order !== undefined) server.stdin?.write(`${JSON.stringify(order)}\n`);
    const ended = gone.then((): never => {
      throw new Error(`the server in host ${host} ended; it said:\n${said}`);
    });
    return Promise.race([event, ended]);
  };
  const { listening } = await answer();
  if (listening === undefined) throw new Error('the server did not say where it listens');
  const { url } = listening;
  return {
    dir,
    url,
    urlWithPassword: user === undefined ? url : withPassword(url, user, password),
    requests: () => requests,
    fail: async (fault) => void (await answer({ fail: fault })),
    heal: async () => void (await answer({ heal: true })),
    stop: async () => {
      server.stdin?.end();
      await gone;
    },
  };
}
