import { BlockList, isIP } from 'node:net';
import { z } from 'zod';
import { parsedBy, type Setting } from './setting.ts';

/** What browsers are served: see `WebConfig`. */
export const WEB_SETTINGS = {
  STOWAGE_PUBLIC_URL: {
    schema: parsedBy(parseOrigin),
    type: 'URL without a path',
    example: 'https://stowage.example.com',
    description:
      'The address that people type to reach the console, where it is not the one at which the api listens: behind a reverse proxy. With ' +
      '`https://` the cookies of sessions are sent by TLS only. Needed for OIDC, whose provider sends people back to it.',
  },
  STOWAGE_TRUSTED_PROXIES: {
    schema: parsedBy(parseProxies),
    type: 'list',
    example: '127.0.0.1,10.20.0.0/16',
    fallback: '',
    defaultText: 'none',
    description:
      'Addresses and blocks of the reverse proxies whose `X-Forwarded-For`, `-Proto` and `-Host` are believed. Without it every caller ' +
      'behind a proxy has the address of the proxy, and they share one limit of failed sign-ins.',
  },
  STOWAGE_TRACE_URL: {
    schema: parsedBy(parseTraceUrl),
    type: 'URL with `{traceId}` in it',
    example: 'http://jaeger.example.com:16686/trace/{traceId}',
    description: 'Where the console leads to for the trace of a job.',
  },
  STOWAGE_QUEUES_WRITABLE: {
    schema: z.enum(['on', 'off'], 'must be on or off').transform((value) => value === 'on'),
    type: '`on` or `off`',
    example: 'off',
    fallback: 'off',
    description:
      'Whether an admin may change the raw queues at `/queues/`. An entry only wakes a worker: to retry or remove a job, do that to the job.',
  },
} as const satisfies Readonly<Record<string, Setting>>;

/** @throws {RangeError} */
function parseOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    throw new RangeError('must be an https:// or http:// URL');
  if (url.href !== `${url.origin}/`) throw new RangeError('must have no user, path, query or fragment');
  return url.origin;
}

/** @throws {RangeError} */
function parseProxies(text: string): readonly string[] {
  const blocks = text.split(',').map((each) => each.trim());
  const named = blocks.filter((each) => each !== '');
  for (const each of named) {
    if (!isBlock(each)) throw new RangeError(`"${each}" is not an address or a block of addresses (10.0.0.0/8)`);
  }
  return named;
}

function isBlock(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (isIP(address) === 0 || more.length > 0) return false;
  if (bits === undefined) return true;
  if (!/^\d{1,3}$/.test(bits)) return false;
  try {
    new BlockList().addSubnet(address, Number(bits), family);
    return true;
  } catch {
    return false;
  }
}

/** @throws {RangeError} */
function parseTraceUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    throw new RangeError('must be an https:// or http:// URL');
  if (!text.includes('{traceId}')) throw new RangeError('must have {traceId} in it');
  return text;
}
