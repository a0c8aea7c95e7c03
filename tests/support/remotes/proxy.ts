import { TcpProxy } from './tcp-proxy.mjs';

export { TcpProxy } from './tcp-proxy.mjs';

/** A proxy on loopback before this port of loopback; `proxy.url(remote.url)` goes through it. */
export async function startProxy(target: { port: number; host?: string }, seed = 1): Promise<TcpProxy> {
  return new TcpProxy({ host: '127.0.0.1', ...target }, { seed }).listen();
}
