/**
 * A git host over smart HTTP: a node:http server in front of `git http-backend`. Bodies are streamed both ways, and
 * compressed requests go through as they are. Plain JavaScript, so that it also runs in a process of its own
 * (http-server-process.mjs) and in the bench.
 */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { basename, dirname } from 'node:path';
import { answerWith } from './cgi-answer.mjs';

/**
 * What goes wrong with a request whose path and query contain `to` ('' or nothing: any), for so many `times`
 * (1 unless told). One of:
 * `status`: that status is the answer, git never sees the request;
 * `cutRequestAfter`: the connection ends after so many bytes of the request's body, so that git sees half of it;
 * `cutAnswerAfter`: git does all it is asked, and the connection ends after so many bytes of its answer's body
 * (0: not even a header arrives);
 * `hang`: no answer, until the client gives up or the server is closed.
 * curl asks once more by itself when a kept connection ends without a byte of the answer: `times: 2` fails that, too.
 * @typedef {{ to?: string, times?: number, status?: number, cutRequestAfter?: number, cutAnswerAfter?: number,
 *   hang?: boolean }} HttpFault
 *
 * @typedef {{ method: string, path: string, status: number }} HttpRequest a request in order of arrival, path with
 *   query; its status is 0 until it has an answer
 *
 * @typedef {{ url: string, port: number, requests: HttpRequest[], fail: (fault: HttpFault) => void, heal: () => void,
 *   close: () => Promise<void> }} GitHttpServer
 */

/**
 * Serves one bare repository at `http://<host>:<port>/<its folder's name>`.
 * @param {{ dir: string, env: NodeJS.ProcessEnv, host?: string, port?: number, user?: string, password?: string,
 *   onRequest?: (request: HttpRequest) => void }} options `env` is git's environment; without `user` everybody may
 *   read and write
 * @returns {Promise<GitHttpServer>}
 */
export async function serveGitOverHttp({ dir, env, host = '127.0.0.1', port = 0, user, password = '', onRequest }) {
  /** @type {HttpRequest[]} */
  const requests = [];
  /** @type {HttpFault[]} */
  let faults = [];
  /** @type {Set<import('node:child_process').ChildProcess>} */
  const children = new Set();

  const server = createServer((request, response) => {
    const entry = { method: request.method ?? '', path: request.url ?? '', status: 0 };
    requests.push(entry);
    response.on('close', () => {
      if (response.headersSent) entry.status = response.statusCode;
      onRequest?.(entry);
    });
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    const fault = takeFault(entry.path);
    if (fault?.hang) return;
    if (fault?.status !== undefined) {
      refuse(request, response, fault.status, {});
    } else if (user !== undefined && !isAllowed(request.headers.authorization, user, password)) {
      refuse(request, response, 401, { 'WWW-Authenticate': 'Basic realm="mailboxes", charset="UTF-8"' });
    } else {
      runBackend(request, response, fault);
    }
  });

  /** @param {string} path */
  function takeFault(path) {
    const fault = faults.find((other) => path.includes(other.to ?? ''));
    if (fault === undefined) return undefined;
    fault.times = (fault.times ?? 1) - 1;
    if (fault.times <= 0) faults = faults.filter((other) => other !== fault);
    return fault;
  }

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   * @param {HttpFault | undefined} fault
   */
  function runBackend(request, response, fault) {
    const { remoteAddress = '' } = request.socket;
    const child = spawn('git', ['http-backend'], {
      env: { ...env, ...cgiVariables(request, dir), REMOTE_ADDR: remoteAddress, ...(user && { REMOTE_USER: user }) },
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
    });
    children.add(child);
    child.on('close', () => children.delete(child));
    child.on('error', () => response.destroy());
    child.stdin.on('error', () => undefined); // git may answer without reading all that was sent
    feed(request, child.stdin, fault?.cutRequestAfter);
    answerWith(child.stdout, response, fault?.cutAnswerAfter);
  }

  await new Promise((listening, failed) => {
    server.once('error', failed);
    server.listen(port, host, () => listening(undefined));
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('found no port of the server');
  return {
    url: `http://${host}:${address.port}/${basename(dir)}`,
    port: address.port,
    requests,
    fail: (fault) => void faults.push({ ...fault }),
    heal: () => {
      faults = [];
    },
    close: async () => {
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      const gone = [...children].map((child) => new Promise((done) => child.once('close', done)));
      for (const { pid } of children) if (pid !== undefined) killGroup(pid);
      await Promise.all([closed, ...gone]);
    },
  };
}

/** @param {number} pid */
function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}

/**
 * @param {import('node:http').IncomingMessage} request
 * @param {string} dir
 */
function cgiVariables({ url = '', method = 'GET', headers }, dir) {
  const { pathname, search } = new URL(url, 'http://localhost');
  const optional = {
    CONTENT_TYPE: headers['content-type'],
    CONTENT_LENGTH: headers['content-length'],
    HTTP_CONTENT_ENCODING: headers['content-encoding'],
    HTTP_GIT_PROTOCOL: headers['git-protocol'],
    GIT_PROTOCOL: headers['git-protocol'],
  };
  return {
    GIT_PROJECT_ROOT: dirname(dir),
    GIT_HTTP_EXPORT_ALL: '1',
    PATH_INFO: decodeURIComponent(pathname),
    QUERY_STRING: search.slice(1),
    REQUEST_METHOD: method,
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
}

/**
 * The request's body into git; after `limit` bytes the connection is gone, and git gets no more than them.
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:stream').Writable} stdin
 * @param {number | undefined} limit
 */
function feed(request, stdin, limit) {
  // A client that goes away in the middle leaves its body unended: git must see an end, not wait for more.
  request.on('close', () => stdin.end());
  if (limit === undefined) {
    request.pipe(stdin);
    return;
  }
  let left = limit;
  request.on('data', (/** @type {Buffer} */ chunk) => {
    stdin.write(chunk.subarray(0, left));
    left -= chunk.length;
    if (left <= 0) request.destroy();
  });
  request.on('end', () => request.destroy()); // a shorter body is cut at its end
  if (limit === 0) request.destroy();
}

/**
 * @param {string | undefined} header
 * @param {string} user
 * @param {string} password
 */
function isAllowed(header, user, password) {
  return header === `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/**
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 * @param {number} status
 * @param {Record<string, string>} headers
 */
function refuse(request, response, status, headers) {
  request.resume();
  response.writeHead(status, { ...headers, 'Content-Type': 'text/plain' });
  response.end(`${status}\n`);
}
