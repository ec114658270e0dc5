import { isIPv4, isIPv6 } from 'node:net';

/** Where a server listens. Port 0 lets the system choose. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

const ADDRESS = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/]+)):(\d{1,5})$/;

/** @returns undefined unless the text is `host:port` or `[ipv6]:port` with a port of at most 65535 */
export function parseListen(text: string): ListenAddress | undefined {
  const match = ADDRESS.exec(text.trim());
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port <= 65_535)) return undefined;
  if (match?.[1] !== undefined && !isIPv6(host)) return undefined;
  return { host, port };
}

export function formatListen(listen: ListenAddress): string {
  return isIPv6(listen.host) ? `[${listen.host}]:${listen.port}` : `${listen.host}:${listen.port}`;
}

/** Whether only this machine can reach the address. A name other than `localhost` may resolve to anything, so it is not. */
export function isLoopback(listen: ListenAddress): boolean {
  const host = listen.host.toLowerCase();
  if (host === 'localhost') return true;
  if (isIPv4(host)) return host.startsWith('127.');
  return host === '::1' || host === '0:0:0:0:0:0:0:1' || host.startsWith('::ffff:127.');
}
