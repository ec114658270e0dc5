import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { z } from 'zod';
import { readApiConfig } from '../api/config.ts';
import { readGatewayConfig, readServiceConfig } from '../platform/config.ts';
import { DASHBOARD, RULES } from '../test/harness/monitoring.ts';

// What Helm makes of the chart, where it is on the PATH.

const root = join(import.meta.dirname, '..');
const chart = join(root, 'deploy/helm/stowage');
const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
type Tree = Readonly<Record<string, unknown>>;

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
  networkPolicies: { enabled: true, monitoringNamespace: 'monitoring' },
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
      expect(new Set(secrets)).toEqual(new Set(['redis_url', 'stowage_gateway_key']));
  }
}
