import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { z } from 'zod';
import packageJson from '../package.json' with { type: 'json' };
import { readApiConfig } from '../api/config.ts';
import { readGatewayConfig, readServiceConfig } from '../platform/config.ts';
import { SETTINGS } from '../platform/settings.ts';
import { DASHBOARD, RULES } from '../test/harness/monitoring.ts';

// The Helm chart: what can be known of it without Helm, and, where Helm is, what it renders.

const root = join(import.meta.dirname, '..');
const chart = join(root, 'deploy/helm/stowage');
const read = (path: string): string => readFileSync(join(chart, path), 'utf8');
const templates = readdirSync(join(chart, 'templates')).map((name) => ({ name, text: read(join('templates', name)) }));
const allTemplates = templates.map(({ text }) => text).join('\n');
const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
const values = parse(read('values.yaml')) as Tree;

interface Tree {
  readonly [name: string]: unknown;
}
interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: false | Schema;
}
const schema = JSON.parse(read('values.schema.json')) as Schema & {
  readonly definitions: Readonly<Record<string, Schema>>;
};

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function resolved({ allOf = [], ...each }: Schema): Schema {
  const target = each.$ref === undefined ? each : schema.definitions[each.$ref.replace('#/definitions/', '')];
  return [target ?? {}, ...allOf]
    .map((part) => (part === each ? each : resolved(part)))
    .reduce((a, b) => ({ ...b, ...a }));
}

/** Where values and their schema disagree: keys that one has and the other has not, and values of another type. */
function disagreements(value: unknown, wanted: Schema, path = ''): readonly string[] {
  const { properties = {}, additionalProperties, type, enum: words } = resolved(wanted);
  if (words !== undefined) return words.includes(value) ? [] : [`${path} is none of ${words.join(', ')}`];
  const own = Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value;
  if (type !== undefined && ![type].flat().includes(own)) return [`${path} is of the type ${own}`];
  if (!isTree(value)) return [];
  return Object.entries(value).flatMap(([name, each]) => {
    const rest = isTree(additionalProperties) ? additionalProperties : undefined;
    const inner = properties[name] ?? rest;
    if (inner !== undefined) return disagreements(each, inner, `${path}.${name}`);
    return additionalProperties === false ? [`${path}.${name} is not in the schema`] : [];
  });
}

function leavesOf(value: unknown, path: readonly string[] = []): readonly string[] {
  if (!isTree(value) || Object.keys(value).length === 0) return [path.join('.')];
  return Object.entries(value).flatMap(([name, each]) => leavesOf(each, [...path, name]));
}

describe('the chart', () => {
  test('has the version of the product, its rules and its dashboard', () => {
    expect(parse(read('Chart.yaml'))).toMatchObject({ name: 'stowage', appVersion: packageJson.version });
    for (const path of [RULES, DASHBOARD])
      expect(realpathSync(join(chart, 'files', path.split('/').at(-1) ?? ''))).toBe(join(root, path));
  });

  test('values and their schema agree', () => {
    expect(disagreements(values, schema)).toEqual([]);
    expect(disagreements({ ...values, apis: {} }, schema)).toEqual(['.apis is not in the schema']);
    const undefaulted = Object.entries(schema.properties ?? {})
      .filter(([name]) => name !== 'global')
      .flatMap(([name, each]) => leavesOfSchema(each, name));
    const given = leavesOf(values);
    expect(undefaulted.filter((leaf) => !given.some((each) => each === leaf || each.startsWith(`${leaf}.`)))).toEqual(
      [],
    );
  });

  test('every value is used by a template, and templates use no other', () => {
    const used = new Set(
      [...allTemplates.matchAll(/\.Values((?:\.[A-Za-z]\w*)+)/g)].map(([, path = '']) => path.slice(1)),
    );
    // Parts that are given names in the templates.
    for (const [, name = '', path = ''] of allTemplates.matchAll(/\$(\w+) := \.Values((?:\.\w+)+)/g))
      for (const [, rest = ''] of allTemplates.matchAll(new RegExp(`\\$${name}((?:\\.\\w+)+)`, 'g')))
        used.add(`${path.slice(1)}${rest}`);
    for (const process of ['api', 'workers', 'gateway'])
      for (const [, rest = ''] of read('templates/_pod.tpl').matchAll(/\.values((?:\.\w+)+)/g))
        used.add(`${process}${rest}`);
    const known = leavesOf(values);
    const isKnown = (path: string): boolean => known.some((leaf) => leaf === path || leaf.startsWith(`${path}.`));
    expect([...used].filter((path) => !isKnown(path))).toEqual([]);
    const isUsed = (leaf: string): boolean =>
      [...used].some(
        (path) =>
          !path.match(/^(?:api|workers|gateway|docker|ingress|monitoring)$/) &&
          (leaf === path || leaf.startsWith(`${path}.`)),
      );
    expect(known.filter((leaf) => !isUsed(leaf))).toEqual([]);
  });

  test('every variable that it sets is a setting, and comes to the process that has it', () => {
    const known = Object.keys(SETTINGS).flatMap((name) => [name, `${name}_FILE`]);
    const text = `${allTemplates.replaceAll(/regexMatch "[^"]*"/g, '')}\n${read('values.yaml')}`;
    const named = (text.match(/\b(?:STOWAGE|VCENTER|REDIS)_[A-Z_]*[A-Z]/g) ?? []).filter(
      (name) => !known.includes(name),
    );
    expect(named).toEqual([]);
    expect(Object.keys(values['settings'] as Tree).filter((name) => !known.includes(name))).toEqual([]);
    expect(Object.keys(values['secrets'] as Tree).filter((name) => !known.includes(name))).toEqual([]);
  });

  test('ports, folders and the user are those of the image', () => {
    const exposed = /^EXPOSE (.+)$/m.exec(dockerfile)?.[1]?.split(' ') ?? [];
    const ports = [...allTemplates.matchAll(/containerPort: (\d+)/g)].map(([, port = '']) => port);
    expect(ports.toSorted()).toEqual(['2376', '2378', '2379', '8080', '9464']);
    for (const port of ports) expect(exposed).toContain(port);
    for (const [name, port] of [
      ['REST', 8080],
      ['WORKER', 9464],
      ['GATEWAY', 2378],
      ['GATEWAY_FACE', 2379],
    ] as const)
      expect(dockerfile).toMatch(new RegExp(`STOWAGE_${name}_LISTEN=0\\.0\\.0\\.0:${port}( |$)`, 'm'));
    for (const folder of ['spool', 'gateway']) {
      expect(allTemplates).toContain(`mountPath: /var/lib/stowage/${folder} }`);
      expect(dockerfile).toMatch(new RegExp(`STOWAGE_\\w+_DIR=/var/lib/stowage/${folder}( |$)`, 'm'));
    }
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(allTemplates).toContain('runAsUser: 1000\n');
    expect(allTemplates).toContain('readOnlyRootFilesystem: true');
  });
});

function leavesOfSchema(each: Schema, path: string): readonly string[] {
  const { properties } = resolved(each);
  const isOpen = path.endsWith('ettings') || path === 'secrets';
  if (properties === undefined || isOpen) return [path];
  return Object.entries(properties).flatMap(([name, inner]) => leavesOfSchema(inner, `${path}.${name}`));
}

// --- with Helm ---------------------------------------------------------------------------------------------------------

const hasHelm = spawnSync('helm', ['version', '--short']).error === undefined;
const container = z.looseObject({
  name: z.string(),
  env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })),
  volumeMounts: z.array(z.looseObject({ name: z.string(), mountPath: z.string() })),
});
const podSpec = z.looseObject({
  containers: z.tuple([container]),
  volumes: z.array(z.looseObject({ name: z.string() })),
});
const workload = z.looseObject({
  kind: z.literal('Deployment'),
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({ template: z.looseObject({ spec: podSpec }) }),
});

const NEEDED = {
  settings: {
    VCENTER_URL: 'https://vc',
    VCENTER_USER: 'u',
    STOWAGE_VOLUME_STORES: 'default=[ds] x',
    STOWAGE_HISTORY_JOBS: 10_000_000,
  },
  gateway: { uri: 'tcp://gateway.example:2378' },
};
const EVERYTHING = {
  ...NEEDED,
  docker: { enabled: true, tlsSecret: 'docker-tls' },
  ingress: { enabled: true, host: 'stowage.example', tlsSecret: 'web-tls', className: 'nginx' },
  workers: { autoscaling: { enabled: true, prometheusUrl: 'http://prometheus:9090' }, settings: { STOWAGE_PULLS: 5 } },
  gateway: { ...NEEDED.gateway, replicas: 2, persistence: { accessMode: 'ReadWriteMany', storageClass: 'nfs' } },
  monitoring: {
    serviceMonitors: true,
    apiKey: { name: 'metrics' },
    rules: true,
    dashboard: true,
    runbookBase: 'https://x/',
    labels: { release: 'p' },
  },
  registryAuth: { name: 'registry' },
  imagePullSecrets: [{ name: 'pull' }],
  serviceAccount: { name: 'stowage' },
};

function helm(
  command: string,
  given: object,
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const scratch = mkdtempSync(join(tmpdir(), 'stowage-chart-'));
  writeFileSync(join(scratch, 'values.yaml'), stringify(given));
  const args = [...command.split(' '), chart, '--values', join(scratch, 'values.yaml')];
  const { status, stdout, stderr } = spawnSync('helm', args, { encoding: 'utf8' });
  rmSync(scratch, { recursive: true });
  return { status, stdout, stderr };
}

function rendered(given: object): readonly Tree[] {
  const { status, stdout, stderr } = helm('template --kube-version 1.30.0 stowage', given);
  if (status !== 0) throw new Error(stderr);
  return parseAllDocuments(stdout)
    .map((each) => each.toJS() as Tree | null)
    .filter((each) => each !== null);
}

describe.skipIf(!hasHelm)('what Helm renders (skipped where helm is not on the PATH)', () => {
  test.each([
    ['what must be given', NEEDED],
    ['everything', EVERYTHING],
  ] as const)('with %s it is lint-free', (_name, given) => {
    const { status, stdout } = helm('lint --strict', given);
    expect(status, stdout).toBe(0);
  });

  test('what is missing or misspelt is refused, and named', () => {
    expect(helm('template --kube-version 1.30.0 stowage', {}).stderr).toContain('VCENTER_URL');
    const typo = { ...NEEDED, settings: { ...NEEDED.settings, STOWAGE_PULL: 5 } };
    expect(helm('template --kube-version 1.30.0 stowage', typo).stderr).toContain('STOWAGE_PULL');
    const shared = { ...NEEDED, gateway: { ...NEEDED.gateway, replicas: 2 } };
    expect(helm('template --kube-version 1.30.0 stowage', shared).stderr).toContain('ReadWriteMany');
    expect(helm('template --kube-version 1.30.0 stowage', { ...NEEDED, gateway: {} }).stderr).toContain('gateway.uri');
  });

  test.each([
    ['what must be given', NEEDED],
    ['everything', EVERYTHING],
  ] as const)(
    'with %s each process gets a configuration that it can run with, and no secret of another',
    (_name, given) => {
      const workloads = rendered(given).flatMap((each) =>
        each['kind'] === 'Deployment' ? [workload.parse(each)] : [],
      );
      expect(workloads.map(({ metadata }) => metadata.name).toSorted()).toEqual([
        'stowage-api',
        'stowage-gateway',
        'stowage-workers',
      ]);
      for (const { spec } of workloads) checkConfiguration(spec.template.spec);
    },
  );

  test('monitoring is what deploy/ has', () => {
    const all = rendered(EVERYTHING);
    const rules = all.find((each) => each['kind'] === 'PrometheusRule');
    const text = stringify(rules?.['spec']).replaceAll('https://x/docs/', 'docs/');
    expect(parse(text)).toEqual(parse(readFileSync(join(root, RULES), 'utf8')));
    const dashboard = all.find((each) => each['kind'] === 'ConfigMap')?.['data'] as Record<string, string> | undefined;
    expect(JSON.parse(dashboard?.['stowage.json'] ?? '')).toEqual(
      JSON.parse(readFileSync(join(root, DASHBOARD), 'utf8')),
    );
  });
});

const SECRETS: Readonly<Record<string, string>> = {
  redis_url: 'redis://:p@redis:6379',
  vcenter_password: 'p',
  stowage_api_key: 'k'.repeat(32),
  stowage_gateway_key: 'g'.repeat(43),
};

/** The process reads what the pod would have. */
function checkConfiguration(pod: z.infer<typeof podSpec>): void {
  const [{ name, env, volumeMounts }] = pod.containers;
  const mounted = JSON.stringify(pod.volumes);
  const imageEnv = Object.fromEntries(
    [...dockerfile.matchAll(/(STOWAGE_\w+)=(\S+)/g)].map(([, key = '', value = '']) => [key, value]),
  );
  const own = Object.fromEntries(
    env.flatMap(({ name: key, value }) => (value === undefined || key === 'POD_IP' ? [] : [[key, value]])),
  );
  const variables = {
    HOME: '/home/node',
    ...imageEnv,
    ...own,
    ...('STOWAGE_GATEWAY_FACE_URL' in own ? { STOWAGE_GATEWAY_FACE_URL: 'http://10.0.0.9:2379' } : {}),
  };
  const readText = (path: string): string => {
    const file = path.split('/').at(-1) ?? '';
    if (path.startsWith('/run/secrets/docker/')) return '-----BEGIN CERTIFICATE-----';
    expect(path.startsWith('/run/secrets/stowage/'), path).toBe(true);
    expect(mounted, file).toContain(`"path":"${file}"`);
    return SECRETS[file] ?? '';
  };
  for (const { name: volume } of volumeMounts) expect(mounted).toContain(`"name":"${volume}"`);
  const secrets = [...mounted.matchAll(/"path":"(\w+)"/g)].map(([, file]) => file);
  switch (name) {
    case 'api':
      expect(readApiConfig(variables, readText).vcenter).toBeUndefined();
      expect(secrets).not.toContain('vcenter_password');
      return;
    case 'workers':
      expect(readServiceConfig(variables, readText)).toMatchObject({ historyJobs: 10_000_000 });
      expect(secrets).not.toContain('stowage_api_key');
      return;
    default:
      expect(readGatewayConfig(variables, readText).gateway).toMatchObject({
        uri: 'tcp://gateway.example:2378',
        faceUrl: 'http://10.0.0.9:2379',
      });
      expect(secrets.toSorted()).toEqual(['redis_url', 'stowage_gateway_key']);
  }
}
