import { z } from 'zod';
import { parseByteSize } from './registry-values.ts';
import { listen, parsedBy, secretOf, type Setting, whole } from './setting.ts';

/** Settings of the gateways, through which the insides of containers are reached. */
export const GATEWAY_SETTINGS = {
  STOWAGE_GATEWAY_KEY: {
    schema: secretOf(32),
    type: 'text of at least 32 characters',
    example: 'Yb0cUq1xJ3m9Zr7dKw5tHs2vLp8nGe4a',
    defaultText: 'none: containers are machines without an agent in them',
    description:
      'The key of which the secrets of all guests are derived, and what api and workers show to gateways. The same for all processes; a new one cuts off the containers that run until they are started again.',
    isSecret: true,
    mayBeFile: true,
  },
  STOWAGE_GATEWAY_URI: {
    schema: parsedBy(parseGuestUri),
    type: '`tcp://host:port`',
    example: 'tcp://10.0.0.5:2378',
    defaultText: '`STOWAGE_GATEWAY_LISTEN`',
    description:
      'Where the hosts on which containers run reach a gateway: the machines dial it by a serial port over the network. Of several gateways, an address that leads to any of them.',
  },
  STOWAGE_GATEWAY_LISTEN: {
    schema: listen(),
    type: 'host:port',
    example: '0.0.0.0:2378',
    fallback: '127.0.0.1:2378',
    description:
      'Where a gateway takes the lines of guests. They prove who they are; the line is not encrypted, and belongs on a management network.',
  },
  STOWAGE_GATEWAY_FACE_LISTEN: {
    schema: listen(),
    type: 'host:port',
    example: '10.0.0.5:2379',
    fallback: '127.0.0.1:2379',
    description:
      'Where a gateway takes api and workers. They prove that they have the key; the line is not encrypted, and belongs on a management network.',
  },
  STOWAGE_GATEWAY_FACE_URL: {
    schema: parsedBy(parseFaceUrl),
    type: '`http://host:port`',
    example: 'http://10.0.0.5:2379',
    defaultText: 'of `STOWAGE_GATEWAY_FACE_LISTEN`',
    description: 'What a gateway says in Redis: where api and workers reach this very gateway.',
  },
  STOWAGE_GATEWAY_DIR: {
    schema: z.string().transform((value) => value.replace(/(?<=.)\/+$/, '')),
    type: 'path',
    example: '/var/lib/stowage/gateway',
    defaultText: '`gateway` in the data directory',
    description: 'The logs of containers. Several gateways share one.',
  },
  STOWAGE_GUEST_WAIT: {
    schema: whole(5, 3_600),
    type: 'seconds',
    example: '180',
    fallback: '180',
    description:
      'How long the guest of a container may take from power-on until it is heard; then the start has failed, and the machine is powered off. Whoever wants something else of the container waits behind the start.',
  },
  STOWAGE_LOG_MAX_BYTES: {
    schema: parsedBy((text) => {
      const bytes = parseByteSize(text);
      if (bytes < 1e6) throw new RangeError('must be at least 1MB');
      return bytes;
    }),
    type: 'size',
    example: '64MiB',
    fallback: '64MiB',
    description: 'How much of the output of one container is kept; the oldest quarter goes first.',
  },
} as const satisfies Readonly<Record<string, Setting>>;

/** @throws {RangeError} */
function parseGuestUri(text: string): string {
  const url = URL.parse(text);
  if (url === null || url.protocol !== 'tcp:' || url.hostname === '' || url.port === '' || !isBare(url))
    throw new RangeError('must be tcp://host:port');
  return `tcp://${url.host}`;
}

/** @throws {RangeError} */
function parseFaceUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || url.protocol !== 'http:' || !isBare(url)) throw new RangeError('must be http://host:port');
  return url.origin;
}

function isBare({ username, password, pathname, search, hash }: URL): boolean {
  return `${username}${password}${search}${hash}` === '' && ['', '/'].includes(pathname);
}
