import { dirname, join } from 'node:path';
import { bareRemote, type BareOptions, type BareRemote } from './bare.js';
import { gitEnvironment } from './git.js';
import { type HttpFault, type HttpRequest, serveGitOverHttp } from './git-http-server.mjs';

export interface HttpOptions extends BareOptions {
  /** Who may read and write, with this password; without it everybody may. */
  user?: string;
  password?: string;
  /** An existing repository to serve, so that one remote has several ways in. */
  repository?: BareRemote;
}

/** A bare repository behind a real HTTP server on loopback. */
export interface HttpRemote extends BareRemote, AsyncDisposable {
  urlWithPassword: string;
  port: number;
  /** What was asked so far, oldest first. */
  requests(): readonly HttpRequest[];
  /** Lets requests go wrong, by default the next one. */
  fail(fault: HttpFault): void;
  /** Forgets the faults that have not happened. */
  heal(): void;
  close(): Promise<void>;
}

/** Serves a repository over smart HTTP, in this process. */
export async function httpRemote(options: HttpOptions = {}): Promise<HttpRemote> {
  const { user, password = '' } = options;
  const { dir } = options.repository ?? bareRemote(options);
  const server = await serveGitOverHttp({
    dir,
    env: gitEnvironment(join(dirname(dir), 'home')),
    ...(user !== undefined && { user, password }),
  });
  return {
    dir,
    url: server.url,
    urlWithPassword: user === undefined ? server.url : withPassword(server.url, user, password),
    port: server.port,
    requests: () => server.requests,
    fail: server.fail,
    heal: server.heal,
    close: server.close,
    [Symbol.asyncDispose]: server.close,
  };
}

/** The URL with a user and a password in it. */
export function withPassword(url: string, user: string, password: string): string {
  const full = new URL(url);
  full.username = user;
  full.password = password;
  return full.href;
}
