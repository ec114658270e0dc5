import { Secret } from './secret.ts';

export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

/** How Redis is reached: one server, its unix socket, the primary that sentinels name, or a cluster. */
export type RedisTarget =
  | { readonly mode: 'single'; readonly node: RedisNode }
  | { readonly mode: 'socket'; readonly path: string }
  | { readonly mode: 'sentinel'; readonly sentinels: readonly RedisNode[]; readonly primary: string }
  | { readonly mode: 'cluster'; readonly nodes: readonly RedisNode[] };

export interface RedisAddress {
  readonly target: RedisTarget;
  readonly tls: boolean;
  readonly username?: string;
  readonly password?: Secret;
  readonly database: number;
  /** The address as it was given, e.g. to hand on to a child process. */
  readonly url: Secret;
}

const SCHEMES = {
  'redis:': { mode: 'single', tls: false },
  'rediss:': { mode: 'single', tls: true },
  'redis+unix:': { mode: 'socket', tls: false },
  'redis+sentinel:': { mode: 'sentinel', tls: false },
  'rediss+sentinel:': { mode: 'sentinel', tls: true },
  'redis+cluster:': { mode: 'cluster', tls: false },
  'rediss+cluster:': { mode: 'cluster', tls: true },
} as const;

const SHAPE = /^([a-z+]+:)\/\/(?:([^@/?#]*)@)?([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/;
const DEFAULT_PORTS = { single: 6379, socket: 0, sentinel: 26_379, cluster: 6379 };

/**
 * `redis://[user:password@]host[:port][/database]`, `rediss://…` for TLS, `redis+unix:///path/to.sock[?password=…&db=0]`,
 * `redis+sentinel://[user:password@]h1[:port],h2/primary[?db=0]`, `redis+cluster://[user:password@]h1[:port],h2`.
 * User and password are percent-encoded, and may also stand in the query (`username`, `password`).
 *
 * @throws {RangeError} whose message says what is wrong, without the address (it may hold a password)
 */
export function parseRedisUrl(text: string): RedisAddress {
  const match = SHAPE.exec(text.trim());
  const scheme = Object.entries(SCHEMES).find(([name]) => name === match?.[1])?.[1];
  if (match === null || scheme === undefined) {
    throw new RangeError(`is not an address with one of the schemes ${Object.keys(SCHEMES).join(' ')}`);
  }
  const path = decode(match[4] ?? '');
  const query = new URLSearchParams(match[5] ?? '');
  for (const key of query.keys()) {
    if (!['db', 'password', 'username'].includes(key)) throw new RangeError(`has the unknown parameter "${key}"`);
  }
  const [user, ...rest] = (match[2] ?? '').split(':');
  const username = decode(user ?? '') || query.get('username');
  const password = decode(rest.join(':')) || query.get('password');
  const inPath = scheme.mode === 'single' ? path.slice(1) : '';
  return {
    target: targetOf(scheme.mode, match[3] ?? '', path),
    tls: scheme.tls,
    ...(username ? { username } : {}),
    ...(password ? { password: new Secret(password) } : {}),
    database: databaseOf(inPath || query.get('db') || '0', scheme.mode),
    url: new Secret(text.trim()),
  };
}

function targetOf(mode: RedisTarget['mode'], hosts: string, path: string): RedisTarget {
  if (mode === 'socket') {
    if (hosts !== '' || path === '') throw new RangeError('needs three slashes and the path of a socket');
    return { mode, path };
  }
  const nodes = hosts.split(',').map((host) => nodeOf(host, DEFAULT_PORTS[mode]));
  const [first] = nodes;
  if (first === undefined) throw new RangeError('names no host');
  if (mode === 'cluster') return { mode, nodes };
  if (mode === 'sentinel') {
    if (!/^\/[^/]+$/.test(path)) throw new RangeError('needs the name of the primary after the sentinels: /name');
    return { mode, sentinels: nodes, primary: path.slice(1) };
  }
  if (nodes.length > 1) throw new RangeError('names several hosts: use redis+sentinel:// or redis+cluster://');
  return { mode, node: first };
}

function nodeOf(text: string, defaultPort: number): RedisNode {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? defaultPort);
  if (host === undefined || port < 1 || port > 65_535) throw new RangeError('has a host that is not host[:port]');
  return { host, port };
}

function databaseOf(text: string, mode: RedisTarget['mode']): number {
  if (!/^\d{1,5}$/.test(text)) throw new RangeError('has a database that is not a number');
  if (mode === 'cluster' && text !== '0') throw new RangeError('names a database, and a cluster has only database 0');
  return Number(text);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new RangeError('has a "%" that is not percent-encoding', { cause });
  }
}
