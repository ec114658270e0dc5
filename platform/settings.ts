import { z } from 'zod';
import { parseRedisUrl } from './redis-url.ts';
import { CONTAINER_SETTINGS } from './container-settings.ts';
import { GATEWAY_SETTINGS } from './gateway-settings.ts';
import { OIDC_SETTINGS } from './oidc-settings.ts';
import { REGISTRY_SETTINGS } from './registry-settings.ts';
import { listen, parsedBy, secretOf, type Setting, whole } from './setting.ts';
import { parseVolumeStores } from './volume-stores.ts';
import { WEB_SETTINGS } from './web-settings.ts';
import { WEBHOOK_SETTINGS } from './webhook-settings.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The one table of settings: configuration, its faults and docs/configuration.md all come from it. */
export const SETTINGS = {
  VCENTER_URL: {
    schema: parsedBy(parseHttpUrl),
    type: 'URL',
    example: 'https://vcenter.example.com',
    description:
      'The vCenter to use; `/sdk` is added where the URL has no path. Without it, `npm start` brings up a simulated one.',
  },
  VCENTER_USER: {
    schema: z.string(),
    type: 'text',
    example: 'stowage@vsphere.local',
    description: 'The account. Needed with `VCENTER_URL`.',
  },
  VCENTER_PASSWORD: {
    schema: secretOf(1),
    type: 'text',
    example: 'correct horse battery staple',
    description: 'Its password. Needed with `VCENTER_URL`.',
    isSecret: true,
    mayBeFile: true,
  },
  VCENTER_CA_FILE: {
    schema: z.string(),
    type: 'path',
    example: '/etc/stowage/vcenter-ca.pem',
    isCertificate: true,
    description:
      'PEM certificates of the authorities that may have signed that of vCenter, in place of those Node.js knows.',
  },
  VCENTER_THUMBPRINT: {
    schema: parsedBy(parseThumbprint),
    type: 'SHA-256 as 64 hexadecimal digits, with or without colons',
    example: '9F:86:D0:81:88:4C:7D:65:9A:2F:EA:A0:C5:5A:D0:15:A3:BF:4F:1B:2B:0B:82:2C:D1:5D:6C:15:B0:F0:0A:08',
    description: 'The only certificate that vCenter may show, whoever signed it.',
  },
  VCENTER_DATACENTER: {
    schema: z.string(),
    type: 'text',
    example: 'DC0',
    description: 'The datacenter, by name or inventory path. Needed where vCenter has several.',
  },
  REDIS_URL: {
    schema: parsedBy(parseRedisUrl),
    type: 'URL',
    example: 'redis://:password@redis.example.com:6379/0',
    description:
      'Redis or Valkey, with `appendonly yes` and `maxmemory-policy noeviction`: `redis://[user:password@]host[:port][/database]`, ' +
      '`rediss://…` with TLS, `redis+unix:///path/to.sock[?password=…&db=0]`, `redis+sentinel://[…@]host[:port],host/primary`, ' +
      '`redis+cluster://[…@]host[:port],host`. Without it, `npm start` brings up a private one.',
    isSecret: true,
    mayBeFile: true,
  },
  STOWAGE_REST_LISTEN: {
    schema: listen(),
    type: 'host:port',
    example: '127.0.0.1:8080',
    fallback: '127.0.0.1:8080',
    description:
      'Where the HTTP API listens. An address that other machines reach is refused unless an API key is set.',
  },
  STOWAGE_DOCKER_LISTEN: {
    schema: listen(),
    type: 'host:port',
    example: '127.0.0.1:2375',
    fallback: '127.0.0.1:2375',
    description:
      'Where the Docker Engine API listens. Without TLS (`STOWAGE_DOCKER_CERT_FILE`) only on an address of this machine alone; with TLS ' +
      'the usual port is 2376.',
  },
  STOWAGE_LAB_LISTEN: {
    schema: listen(),
    type: 'host:port',
    example: '127.0.0.1:8989',
    defaultText: '`127.0.0.1:8989`, or a free port where that is taken',
    description: 'Where the simulated vCenter of `npm start` and `npm run lab` listens.',
  },
  STOWAGE_LAB_REGISTRY_LISTEN: {
    schema: listen(),
    type: 'host:port',
    example: '127.0.0.1:5000',
    defaultText: '`127.0.0.1:5000`, or a free port where that is taken',
    description: 'Where the image registry of `npm start` and `npm run lab` listens.',
  },
  STOWAGE_LAB_GUESTS: {
    schema: z.enum(['on', 'off'], 'must be on or off').transform((value) => value === 'on'),
    type: '`on` or `off`',
    example: 'on',
    fallback: 'on',
    description:
      'Whether the lab runs the machines of containers, with QEMU. Without it containers are records and idle machines: quick, and nothing runs in them.',
  },
  STOWAGE_WORKER_LISTEN: {
    schema: listen(),
    type: 'host:port',
    example: '127.0.0.1:9464',
    fallback: '127.0.0.1:9464',
    description:
      'Where a worker process serves `/healthz`, `/readyz` and `/metrics`. `npm start` gives its workers this port and those ' +
      'after it, or free ones when it is not set.',
  },
  STOWAGE_DATA_DIR: {
    schema: z.string().transform((value) => value.replace(/(?<=.)\/+$/, '')),
    type: 'path',
    example: '/var/lib/stowage',
    defaultText: '`$XDG_DATA_HOME/stowage`, or `~/.local/share/stowage`',
    description:
      'What `npm start` and `npm run lab` keep: Redis, the simulated vCenter, the registry, the generated API key, locks and caches.',
  },
  STOWAGE_API_KEY: {
    schema: secretOf(16),
    type: 'text of at least 16 characters',
    example: 'k8Jq2vX0c7Lr4TzP',
    defaultText: 'none; `npm start` generates one and keeps it in the data directory',
    description: 'An API key with the role admin, for `Authorization: Bearer`.',
    isSecret: true,
    mayBeFile: true,
  },
  STOWAGE_VOLUME_STORES: {
    schema: parsedBy(parseVolumeStores),
    type: 'list',
    example: 'default=[datastore1] stowage; fast=[nvme] stowage; any=pod:POD stowage',
    defaultText: 'none; those of the simulated vCenter where that is used',
    description:
      'Where volumes lie: `name=[datastore] folder`, or `name=pod:POD folder` for a datastore cluster (`pod:[a name with spaces]`), ' +
      'separated by semicolons. One must be named `default`. Needed with `VCENTER_URL`.',
  },
  STOWAGE_WORKER_CONCURRENCY: {
    schema: whole(1, 1000),
    type: 'number',
    example: '16',
    fallback: '16',
    description: 'Jobs of each lane that one worker process runs at once.',
  },
  STOWAGE_WORKERS: {
    schema: whole(1, 64),
    type: 'number',
    example: '2',
    fallback: '2',
    description: 'Worker processes that `npm start` starts.',
  },
  STOWAGE_LOCK_MS: {
    schema: whole(500, 600_000),
    type: 'milliseconds',
    example: '10000',
    fallback: '10000',
    description: 'How long a worker may be silent before another takes over its jobs.',
  },
  STOWAGE_RECONCILE_INTERVAL_MS: {
    schema: whole(1000, 86_400_000),
    type: 'milliseconds',
    example: '600000',
    fallback: '600000',
    description: 'Time between two comparisons of all records with vSphere.',
  },
  STOWAGE_HISTORY_JOBS: {
    schema: whole(100, 10_000_000),
    type: 'number',
    example: '10000',
    fallback: '10000',
    description: 'Finished jobs that are kept. Dead letters are kept until they are redriven or discarded.',
  },
  STOWAGE_LOG_LEVEL: {
    schema: z.enum(LOG_LEVELS, { error: `must be one of ${LOG_LEVELS.join(', ')}` }) as z.ZodType<LogLevel, string>,
    type: LOG_LEVELS.map((level) => `\`${level}\``).join(', '),
    example: 'info',
    fallback: 'info',
    description: 'The least severe log lines to print.',
  },
  STOWAGE_REDIS_PREFIX: {
    schema: z.string().regex(/^[a-zA-Z0-9_.-]{1,40}$/, 'must be 1 to 40 letters, digits, "_", "." or "-"'),
    type: 'text',
    example: 'stowage',
    fallback: 'stowage',
    description: 'What all keys in Redis begin with: installations that share a Redis need different ones.',
  },
  STOWAGE_VCENTER_CONNECTIONS: {
    schema: whole(1, 256),
    type: 'number',
    example: '16',
    fallback: '16',
    description: 'Connections that one process opens to vCenter at most; uploads of layers have up to four more.',
  },
  ...REGISTRY_SETTINGS,
  ...CONTAINER_SETTINGS,
  ...GATEWAY_SETTINGS,
  ...WEBHOOK_SETTINGS,
  ...WEB_SETTINGS,
  ...OIDC_SETTINGS,
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingName = keyof typeof SETTINGS;

/** What each setting's text was read as; undefined where it is absent and has no fallback. */
export type SettingValues = {
  readonly [Name in SettingName]:
    | z.output<(typeof SETTINGS)[Name]['schema']>
    | ((typeof SETTINGS)[Name] extends { readonly fallback: string } ? never : undefined);
};

/** Credentials have variables of their own: in a URL they would reach logs and error messages. */
function parseHttpUrl(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    throw new RangeError('must be an https:// or http:// URL');
  if (url.username !== '' || url.password !== '')
    throw new RangeError('must not hold a user or password: they have variables');
  if (url.search !== '' || url.hash !== '') throw new RangeError('must not have a query or fragment');
  return url.pathname === '/' ? `${url.origin}/sdk` : `${url.origin}${url.pathname}`;
}

/** @returns 64 hexadecimal digits in lower case, without separators */
function parseThumbprint(value: string): string {
  const hex = value.replaceAll(':', '').toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(hex))
    throw new RangeError('must be a SHA-256: 64 hexadecimal digits, with or without colons');
  return hex;
}
