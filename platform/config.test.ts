import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { readConfig, readGatewayConfig, readServiceConfig } from './config.ts';
import { ConfigError } from './environment.ts';

const HOME = { HOME: '/home/ada' };
const FULL = {
  ...HOME,
  VCENTER_URL: 'https://vc.example.com',
  VCENTER_USER: 'ada',
  VCENTER_PASSWORD: 'pass word',
  REDIS_URL: 'redis://:hush-hush@localhost',
  STOWAGE_VOLUME_STORES: 'default=[ds] stowage',
};

function faultsOf(env: Record<string, string>, readText?: (path: string) => string): ConfigError {
  try {
    readConfig(env, readText);
  } catch (error) {
    if (error instanceof ConfigError) return error;
  }
  throw new Error('there was no fault');
}

describe('readConfig', () => {
  test('an empty environment gives the defaults, without vCenter and Redis', () => {
    expect(readConfig(HOME)).toEqual({
      labGuests: true,
      restListen: { host: '127.0.0.1', port: 8080 },
      dockerListen: { host: '127.0.0.1', port: 2375 },
      dockerRoles: [{ subject: '*', role: 'operator' }],
      images: {
        platform: { os: 'linux', architecture: 'amd64' },
        maxLayerBytes: 20e9,
        pulls: 3,
        pullsPerRegistry: 3,
        spoolDir: '/home/ada/.local/share/stowage/spool',
      },
      registries: { mirrors: new Map(), insecure: [], allowed: [] },
      webhooks: { allowPrivate: [], allowHttp: false },
      web: { trustedProxies: [], isQueuesWritable: false },
      workerListen: { host: '127.0.0.1', port: 9464 },
      gatewayListen: { host: '127.0.0.1', port: 2378 },
      gatewayFaceListen: { host: '127.0.0.1', port: 2379 },
      dataDir: '/home/ada/.local/share/stowage',
      workerConcurrency: 16,
      workers: 2,
      lockMs: 10_000,
      reconcileIntervalMs: 600_000,
      recovery: { graceMs: 1_000, haWaitMs: 120_000, roomWaitMs: 1_800_000 },
      historyJobs: 10_000,
      logLevel: 'info',
      redisPrefix: 'stowage',
    });
  });

  test('all faults are reported at once, each with its name and an example', () => {
    const { faults, message } = faultsOf({
      ...HOME,
      STOWAGE_WORKERS: '-1',
      STOWAGE_LOCK_MS: '499',
      STOWAGE_REST_LISTEN: '8080',
      VCENTER_THUMBPRINT: 'AB:CD',
      STOWAGE_API_KEY: 'short',
    });
    expect(faults.map((fault) => fault.name).sort()).toEqual([
      'STOWAGE_API_KEY',
      'STOWAGE_LOCK_MS',
      'STOWAGE_REST_LISTEN',
      'STOWAGE_WORKERS',
      'VCENTER_THUMBPRINT',
    ]);
    expect(message).toContain('The configuration has 5 faults');
    expect(message).toContain("example: STOWAGE_REST_LISTEN='127.0.0.1:8080'");
  });

  test('an unknown STOWAGE_ variable is a fault that names the nearest setting', () => {
    expect(faultsOf({ ...HOME, STOWAGE_REST_LISTN: 'x' }).message).toContain('did you mean STOWAGE_REST_LISTEN?');
    expect(faultsOf({ ...HOME, STOWAGE_WEBSITE_COLOUR: 'x' }).message).not.toContain('did you mean');
  });

  test('what Kubernetes sets for a service named stowage is no fault', () => {
    const links = {
      STOWAGE_SERVICE_HOST: '10.0.0.1',
      STOWAGE_PORT: 'tcp://10.0.0.1:80',
      STOWAGE_API_PORT_80_TCP_ADDR: '10.0.0.1',
    };
    expect(readConfig({ ...HOME, ...links }).workers).toBe(2);
  });

  test('a vCenter needs its account and the stores', () => {
    const { faults } = faultsOf({ ...HOME, VCENTER_URL: FULL.VCENTER_URL });
    expect(faults.map((fault) => fault.name)).toEqual(['VCENTER_USER', 'VCENTER_PASSWORD', 'STOWAGE_VOLUME_STORES']);
  });

  test('a secret is read from the file that its _FILE variable names', () => {
    const { VCENTER_PASSWORD: _, ...rest } = FULL;
    const read = (path: string) => (path === '/run/secrets/vc' ? 'from a file\n' : '');
    expect(
      readServiceConfig({ ...rest, VCENTER_PASSWORD_FILE: '/run/secrets/vc' }, read).vcenter.password.reveal(),
    ).toBe('from a file');
  });

  test('a gateway key is what makes gateways; their faults are reported like the others', () => {
    const key = 'x'.repeat(32);
    const { gateway } = readConfig({ ...HOME, STOWAGE_GATEWAY_KEY: key, STOWAGE_GATEWAY_LISTEN: '0.0.0.0:99' });
    expect(gateway).toMatchObject({
      uri: 'tcp://0.0.0.0:99',
      dir: '/home/ada/.local/share/stowage/gateway',
      maxLogBytes: 67_108_864,
    });
    const wrong = {
      STOWAGE_GATEWAY_KEY: 'short',
      STOWAGE_GATEWAY_URI: 'http://host:1',
      STOWAGE_GATEWAY_FACE_URL: 'tcp://host',
      STOWAGE_LOG_MAX_BYTES: '1kB',
    };
    const { faults, message } = faultsOf({ ...HOME, ...wrong });
    expect(faults.map(({ name }) => name).sort()).toEqual(Object.keys(wrong).sort());
    expect(message).not.toContain('short,');
    expect(() => readGatewayConfig(HOME)).toThrow(/REDIS_URL is not set[^]*STOWAGE_GATEWAY_KEY is not set/);
  });

  test('a secret and its file at once, and a file that cannot be read, are faults', () => {
    expect(faultsOf({ ...FULL, VCENTER_PASSWORD_FILE: '/x' }).message).toContain(
      'VCENTER_PASSWORD and VCENTER_PASSWORD_FILE',
    );
    const unreadable = () => {
      throw Object.assign(new Error('no'), { code: 'ENOENT' });
    };
    expect(faultsOf({ ...HOME, REDIS_URL_FILE: '/gone' }, unreadable).message).toContain('/gone (ENOENT)');
  });

  test('a CA file that cannot be read, or has no certificate in it, is a fault like the others', () => {
    const unreadable = () => {
      throw Object.assign(new Error('no'), { code: 'ENOENT' });
    };
    const broken = { ...FULL, VCENTER_CA_FILE: '/gone', STOWAGE_WORKERS: '-1' };
    const { message } = faultsOf(broken, unreadable);
    expect(message).toContain('VCENTER_CA_FILE names a file that cannot be read: /gone (ENOENT)');
    expect(message).toContain('STOWAGE_WORKERS');
    expect(faultsOf({ ...FULL, VCENTER_CA_FILE: '/etc/hosts' }, () => 'localhost').message).toContain(
      'VCENTER_CA_FILE names a file without a PEM certificate: /etc/hosts',
    );
  });

  test('no secret prints: not from the configuration, not in a fault', () => {
    const config = readConfig({ ...FULL, STOWAGE_API_KEY: 'a-key-of-enough-length' });
    const printed = `${inspect(config, { depth: null })}${JSON.stringify(config)}${String(config.apiKey)}`;
    expect(printed).not.toMatch(/pass word|hush-hush|a-key-of/);
    const { message } = faultsOf({
      ...FULL,
      VCENTER_URL: 'https://ada:sesame@vc',
      REDIS_URL: 'redis://:hush-hush@a,b',
      STOWAGE_API_KEY: 'tooshort',
    });
    expect(message).not.toMatch(/sesame|hush-hush|tooshort/);
  });

  test('vCenter gets /sdk where the URL has no path, and a bare thumbprint', () => {
    const { vcenter } = readServiceConfig({ ...FULL, VCENTER_THUMBPRINT: 'AB:'.repeat(31).concat('CD') });
    expect(vcenter).toMatchObject({
      url: 'https://vc.example.com/sdk',
      thumbprint: `${'ab'.repeat(31)}cd`,
      connections: 16,
    });
    expect(readServiceConfig({ ...FULL, VCENTER_URL: 'https://vc/other/sdk' }).vcenter.url).toBe(
      'https://vc/other/sdk',
    );
  });

  test('a relative XDG_DATA_HOME is ignored, as its specification says', () => {
    expect(readConfig({ ...HOME, XDG_DATA_HOME: '/data' }).dataDir).toBe('/data/stowage');
    expect(readConfig({ ...HOME, XDG_DATA_HOME: 'data' }).dataDir).toBe('/home/ada/.local/share/stowage');
  });
});

describe('readServiceConfig', () => {
  test('names everything that a service cannot run without', () => {
    expect(() => readServiceConfig(HOME)).toThrow(
      /VCENTER_URL is not set[\s\S]*VCENTER_USER[\s\S]*VCENTER_PASSWORD[\s\S]*REDIS_URL[\s\S]*STOWAGE_VOLUME_STORES/,
    );
  });
});
