import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { readServiceConfig } from '../platform/config.ts';

const root = join(import.meta.dirname, '..');

const service = z.looseObject({
  image: z.string(),
  command: z.array(z.string()),
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
    const given = { VCENTER_URL: 'https://vc', VCENTER_USER: 'u', STOWAGE_VOLUME_STORES: 'default=[ds] x' };
    const text = interpolate(read('docker-compose.yml'), given);
    expect(composeSays(text)).toMatchObject({ status: 0 });
    expect(composeSays(text.replace('condition: service_healthy', 'condition: service_happy'))).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('depends_on'),
    });
  });

  test.each(['api', 'workers'])('%s gets a configuration that it can run with, secrets from files only', (name) => {
    const { environment = {}, secrets = [], command } = serviceOf(name);
    const given = { VCENTER_URL: 'https://vc', VCENTER_USER: 'u', STOWAGE_VOLUME_STORES: 'default=[ds] x' };
    const env = Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, interpolate(value, given)]));
    const files: Record<string, string> = {
      '/run/secrets/vcenter_password': 'p',
      '/run/secrets/redis_url': 'redis://:p@redis:6379',
      '/run/secrets/api_key': 'k'.repeat(32),
    };
    const config = readServiceConfig({ HOME: '/home/node', ...env }, (path) => {
      expect(secrets).toContain(path.replace('/run/secrets/', ''));
      return files[path] ?? '';
    });
    expect(config.vcenter.url).toBe('https://vc/sdk');
    expect(command).toEqual([name]);
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

  test('no port is open to other machines', () => {
    for (const { ports = [] } of Object.values(compose.services)) {
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
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

  test('what .dockerignore lets in is there, and nothing that only develops is', () => {
    const allowed = read('.dockerignore').match(/(?<=^!).+/gm) ?? [];
    const later = ['registry', 'LICENSE'];
    for (const path of allowed.filter((each) => !later.includes(each)))
      expect(existsSync(join(root, path)), path).toBe(true);
    expect(allowed).not.toEqual(expect.arrayContaining(['lab', 'test', 'scripts']));
  });
});
