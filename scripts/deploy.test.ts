import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { explainOpenDocker, readDockerTls } from '../api/config.ts';
import { readServiceConfig } from '../platform/config.ts';
import { SETTINGS } from '../platform/settings.ts';

const root = join(import.meta.dirname, '..');

const service = z.looseObject({
  image: z.string(),
  command: z.array(z.string()).default([]),
  profiles: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).optional(),
  secrets: z.array(z.string()).optional(),
  healthcheck: z.unknown().optional(),
  ports: z.array(z.string()).optional(),
  volumes: z.array(z.string()).optional(),
});
const compose = z
  .looseObject({
    services: z.record(z.string(), service),
    secrets: z.record(z.string(), z.object({ file: z.string() })),
  })
  .parse(parse(read('docker-compose.yml'), { merge: true }));

const scraping = z.looseObject({
  rule_files: z.array(z.string()),
  scrape_configs: z.array(
    z.looseObject({
      dns_sd_configs: z.array(z.object({ names: z.array(z.string()), type: z.literal('A'), port: z.int() })),
    }),
  ),
});

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

function serviceOf(name: string): z.infer<typeof service> {
  return service.parse(compose.services[name]);
}

/** As compose does with \`\${NAME:-default}\` and \`\${NAME:?hint}\`. */
function interpolate(text: string, env: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{(\w+):[-?]([^}]*)\}/g, (whole, name: string, rest: string) => {
    return env[name] ?? (whole.includes(':-') ? rest : '');
  });
}

const SECRETS: Readonly<Record<string, string>> = {
  '/run/secrets/vcenter_password': 'p',
  '/run/secrets/redis_url': 'redis://:p@redis:6379',
  '/run/secrets/api_key': 'k'.repeat(32),
  '/run/secrets/gateway_key': 'g'.repeat(43),
  '/run/secrets/docker_cert': '-----BEGIN CERTIFICATE-----',
  '/run/secrets/docker_ca': '-----BEGIN CERTIFICATE-----',
};
const GIVEN = {
  VCENTER_URL: 'https://vc',
  VCENTER_USER: 'u',
  STOWAGE_VOLUME_STORES: 'default=[ds] x',
  STOWAGE_GATEWAY_URI: 'tcp://gateway.example:2378',
  STOWAGE_GUEST_IMAGE: '[ds] guest.iso',
};

function environmentOf(name: string): Record<string, string> {
  const entries = Object.entries(serviceOf(name).environment ?? {});
  return Object.fromEntries(entries.map(([key, value]) => [key, interpolate(value, GIVEN)]));
}

/** Of the names in a text that begin like settings, those that are none. */
function strangeSettings(text: string): readonly string[] {
  const known = Object.keys(SETTINGS).flatMap((name) => [name, `${name}_FILE`]);
  return (text.match(/STOWAGE_[A-Z_]+/g) ?? []).filter((name) => !known.includes(name));
}

/** The library that `docker compose` reads its files with: what `docker compose config` would say needs no Docker. */
const COMPOSE_GO = 'github.com/compose-spec/compose-go/v2/cmd@v2.16.2';

function composeSays(text: string): { readonly status: number | null; readonly stderr: string } {
  const scratch = mkdtempSync(join(tmpdir(), 'stowage-compose-'));
  const file = join(scratch, 'docker-compose.yml');
  writeFileSync(file, text);
  const { status, stderr } = spawnSync('go', ['run', COMPOSE_GO, file], { cwd: scratch, encoding: 'utf8' });
  rmSync(scratch, { recursive: true });
  return { status, stderr };
}

describe('docker-compose.yml', () => {
  test('is taken by compose itself, and a mistake in it is not', { timeout: 300_000 }, () => {
    const text = interpolate(read('docker-compose.yml'), GIVEN);
    expect(composeSays(text)).toMatchObject({ status: 0 });
    expect(composeSays(text.replace('condition: service_healthy', 'condition: service_happy'))).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('depends_on'),
    });
  });

  test.each(['api', 'workers', 'gateway'])(
    '%s gets a configuration that it can run with, secrets from files only',
    (name) => {
      const { secrets = [], command } = serviceOf(name);
      const config = readServiceConfig({ HOME: '/home/node', ...environmentOf(name) }, (path) => {
        expect(secrets).toContain(path.replace('/run/secrets/', ''));
        return SECRETS[path] ?? '';
      });
      expect(config.vcenter.url).toBe('https://vc/sdk');
      expect(config.images.store).toEqual({ datastore: 'ds', root: 'x' });
      expect(command).toEqual([name]);
    },
  );

  test('every variable that it sets or passes on is a setting', () => {
    expect(strangeSettings(read('docker-compose.yml'))).toEqual([]);
    expect(strangeSettings(read('Dockerfile'))).toEqual([]);
    expect(strangeSettings('STOWAGE_REGISTRY_MIRROR: x')).toEqual(['STOWAGE_REGISTRY_MIRROR']);
  });

  test('a service has the secrets that its variables name, and each is declared', () => {
    for (const name of ['api', 'workers', 'gateway', 'redis', 'prometheus', 'grafana']) {
      const { secrets = [], environment = {}, command } = serviceOf(name);
      const named = JSON.stringify([environment, command]).match(/(?<=\/run\/secrets\/)\w+/g) ?? [];
      expect(secrets, name).toEqual(expect.arrayContaining(named));
      expect(Object.keys(compose.secrets), name).toEqual(expect.arrayContaining(secrets));
    }
  });

  test('the Docker API is open by TLS only, where its port is published', () => {
    const env = { HOME: '/home/node', ...environmentOf('api') };
    const config = readServiceConfig(env, (path) => SECRETS[path] ?? '');
    expect(config.dockerTls).toBeDefined();
    expect(explainOpenDocker(config)).toBeUndefined();
    const { ports = [] } = serviceOf('api');
    expect(ports.map((port) => port.split(':').at(-1))).toEqual(
      [config.restListen, config.dockerListen].map(({ port }) => String(port)),
    );
  });

  test('workers spool to a volume, and find CAs where they are mounted', () => {
    const env = environmentOf('workers');
    const mounts = (serviceOf('workers').volumes ?? []).map((volume) => volume.split(':'));
    expect(mounts).toContainEqual(['spool', env['STOWAGE_SPOOL_DIR']]);
    const certs = ['./deploy/secrets/registry_certs', env['STOWAGE_REGISTRY_CERTS_DIR'], 'ro'];
    expect(mounts).toContainEqual(certs);
    expect(serviceOf('api').volumes).toEqual([certs.join(':')]);
  });

  test('nothing starts without a vCenter, and every secret is a file that git ignores', () => {
    expect(serviceOf('api').environment?.['VCENTER_URL']).toMatch(/^\$\{VCENTER_URL:\?/);
    for (const { file } of Object.values(compose.secrets)) expect(file).toMatch(/^deploy\/secrets\//);
    expect(read('.gitignore')).toContain('deploy/secrets/');
  });

  test('Redis keeps what it acknowledged: append-only file on a volume, no eviction, a password', () => {
    const { command, volumes, healthcheck } = serviceOf('redis');
    const script = command.join('\n');
    for (const line of ['appendonly yes', 'maxmemory-policy noeviction', 'requirepass $$(cat '])
      expect(script).toContain(line);
    expect(volumes).toEqual(['redis-data:/data']);
    expect(healthcheck).toBeDefined();
  });

  test('no port is open to other machines, but that to which guests come', () => {
    for (const [name, { ports = [] }] of Object.entries(compose.services)) {
      for (const port of ports) expect(port).toMatch(name === 'gateway' ? /:2378$/ : /^127\.0\.0\.1:/);
    }
  });

  test('telemetry goes to the collector, and from there to a viewer that is there', () => {
    const collector: unknown = parse(read('deploy/otel/collector.yaml'));
    expect(collector).toMatchObject({
      receivers: { otlp: { protocols: { http: { endpoint: '0.0.0.0:4318' } } } },
      exporters: { otlp: { endpoint: 'jaeger:4317' } },
      service: { pipelines: { traces: { exporters: ['otlp'] }, metrics: { exporters: ['prometheus'] } } },
    });
    expect(serviceOf('api').environment?.['OTEL_EXPORTER_OTLP_ENDPOINT']).toBe('http://otel-collector:4318');
    expect(Object.keys(compose.services)).toEqual(expect.arrayContaining(['otel-collector', 'jaeger']));
  });

  test('monitoring comes when it is asked for: it scrapes all processes where they listen, with the rules and the dashboard', () => {
    const [prometheus, grafana] = [serviceOf('prometheus'), serviceOf('grafana')];
    expect([prometheus.profiles, grafana.profiles]).toEqual([['monitoring'], ['monitoring']]);
    const mounts = [...(prometheus.volumes ?? []), ...(grafana.volumes ?? [])].map((each) => each.split(':'));
    for (const [source = '', target = ''] of mounts) {
      if (source.startsWith('./')) expect(existsSync(join(root, source)), source).toBe(true);
      expect(target).toMatch(/^\//);
    }
    const { scrape_configs: jobs, rule_files: rules } = scraping.parse(parse(read('deploy/prometheus/prometheus.yml')));
    expect(mounts).toContainEqual(['./deploy/prometheus/stowage.rules.yml', rules[0], 'ro']);
    const image = read('Dockerfile');
    const listens = { api: 'REST', workers: 'WORKER', gateway: 'GATEWAY_FACE' } as const;
    for (const [process, listen] of Object.entries(listens)) {
      const found = jobs.flatMap((job) => job.dns_sd_configs).find(({ names }) => names.includes(process));
      expect(image).toMatch(new RegExp(`STOWAGE_${listen}_LISTEN=0\\.0\\.0\\.0:${found?.port}( |$)`, 'm'));
    }
    const provider = parse(read('deploy/grafana/provisioning/dashboards/stowage.yml')) as {
      readonly providers: readonly [{ readonly options: { readonly path: string } }];
    };
    const folder = provider.providers[0].options.path;
    expect(mounts).toContainEqual(['./deploy/grafana/stowage.json', `${folder}/stowage.json`, 'ro']);
  });

  test('make-secrets makes each secret once', () => {
    const scratch = mkdtempSync(join(tmpdir(), 'stowage-secrets-'));
    cpSync(join(root, 'deploy/make-secrets'), join(scratch, 'make-secrets'));
    const make = () => execFileSync('sh', [join(scratch, 'make-secrets')], { input: 'vc pass\n', stdio: 'pipe' });
    const readAll = () =>
      Object.values(compose.secrets).map(({ file }) => readFileSync(join(scratch, file.slice(7)), 'utf8'));
    make();
    const made = readAll();
    make();
    expect(readAll()).toEqual(made);
    const [vcenterPassword, redisPassword, redisUrl, apiKey] = made;
    expect(vcenterPassword).toBe('vc pass');
    expect(redisUrl).toBe(`redis://:${redisPassword}@redis:6379`);
    expect(apiKey?.length).toBeGreaterThanOrEqual(32);
    // The processes are another user's, and nobody comes through the folder who may not.
    for (const { file } of Object.values(compose.secrets))
      expect(statSync(join(scratch, file.slice(7))).mode & 0o777, file).toBe(0o644);
    expect(statSync(join(scratch, 'secrets')).mode & 0o777).toBe(0o711);
    rmSync(scratch, { recursive: true });
  });

  test('make-secrets makes certificates for the Docker API: the server and each client are of its authority', () => {
    const scratch = mkdtempSync(join(tmpdir(), 'stowage-secrets-'));
    const secret = (name: string): string => join(scratch, 'secrets', name);
    cpSync(join(root, 'deploy/make-secrets'), join(scratch, 'make-secrets'));
    const make = (...clients: string[]) =>
      execFileSync('sh', [join(scratch, 'make-secrets'), ...clients], { input: 'vc pass\n', stdio: 'pipe' });
    make('alice');
    const [certFile, keyFile, caFile] = ['docker_cert', 'docker_key', 'docker_ca'].map(secret) as [
      string,
      string,
      string,
    ];
    const tls = readDockerTls({ certFile, keyFile, caFile });
    const [server, authority] = [new X509Certificate(tls.cert), new X509Certificate(tls.ca)];
    expect([server.checkHost('localhost'), server.checkIP('127.0.0.1')]).toEqual(['localhost', '127.0.0.1']);
    expect(server.verify(authority.publicKey)).toBe(true);
    for (const name of ['docker', 'alice']) {
      const folder = secret(`docker_clients/${name}`);
      const client = new X509Certificate(readFileSync(join(folder, 'cert.pem')));
      expect(client.subject).toBe(`CN=${name}`);
      expect(client.verify(authority.publicKey)).toBe(true);
      expect(readFileSync(join(folder, 'ca.pem'), 'utf8')).toBe(tls.ca);
      expect(existsSync(join(folder, 'key.pem'))).toBe(true);
    }
    for (const kept of ['docker_ca_key', 'docker_clients']) expect(statSync(secret(kept)).mode & 0o077).toBe(0);
    expect(() => make('../alice')).toThrow('letters, digits');
    rmSync(scratch, { recursive: true });
  });
});

describe('Dockerfile', () => {
  test('runs as no root, checks its health, and takes api or workers', () => {
    const text = read('Dockerfile');
    expect(text).toMatch(/^FROM node:24-slim$/m);
    expect(text).toMatch(/^USER node$/m);
    expect(text).toMatch(/^HEALTHCHECK /m);
    expect(text).toContain('npm install --no-save --omit=dev');
    expect(spawnSync('sh', [join(root, 'deploy/run'), 'lab']).status).toBe(2);
  });

  test.each([
    ['layerdisk', 'registry/layerdisk', 'registry/open.ts'],
    ['mover', 'vsphere/mover', 'vsphere/connect.ts'],
  ])('builds %s with the Go of its go.mod, to where the workers look for it', (program, module, user) => {
    const text = read('Dockerfile');
    const go = /^go (\d+\.\d+)/m.exec(read(`${module}/go.mod`))?.[1];
    expect(text).toContain(`FROM golang:${go} AS ${program}\n`);
    expect(text).toContain(`CGO_ENABLED=0 go build -trimpath -buildvcs=false -o /out/${program} .`);
    expect(text.split('\nWORKDIR /app\n')[1]).toContain(`\nCOPY --from=${program} /out/${program} bin/${program}\n`);
    expect(read(user)).toContain(`join(import.meta.dirname, '..', 'bin', '${program}')`);
    expect(read('.dockerignore')).not.toMatch(/^!bin$|^!bin\/(?!stowage$)/m);
  });

  test('its ports and folders are those of docker-compose.yml', () => {
    const text = read('Dockerfile');
    const exposed = /^EXPOSE (.+)$/m.exec(text)?.[1]?.split(' ') ?? [];
    for (const port of serviceOf('api').ports ?? []) expect(exposed).toContain(port.split(':').at(-1));
    const spool = environmentOf('workers')['STOWAGE_SPOOL_DIR'];
    expect(text).toMatch(new RegExp(`STOWAGE_SPOOL_DIR=${spool}( |$)`, 'm'));
    expect(text).toContain(`STOWAGE_GATEWAY_DIR=/var/lib/stowage/gateway\n`);
    expect(serviceOf('gateway').volumes).toContain('gateway:/var/lib/stowage/gateway');
    // A new volume takes the folder's owner over: root's could not be written by anybody here.
    expect(text).toContain(`RUN install -d -o node -g node ${spool}\n`);
  });

  test('what .dockerignore lets in is there, and nothing that only develops is', () => {
    const allowed = read('.dockerignore').match(/(?<=^!).+/gm) ?? [];
    const later = ['LICENSE'];
    for (const path of allowed.filter((each) => !later.includes(each)))
      expect(existsSync(join(root, path)), path).toBe(true);
    expect(allowed).not.toEqual(expect.arrayContaining(['lab', 'test', 'scripts']));
  });
});
