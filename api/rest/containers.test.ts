import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerRecord } from '../../core/container.ts';
import type { HostRecord } from '../../core/host.ts';
import { machineUuidOf, moref, parseContainerId, parseContainerName, parseDatastorePath } from '../../core/ids.ts';
import { parseDigest } from '../../core/reference.ts';
import { ALL_KINDS } from '../../jobs/all.ts';
import { type Rig, startRig } from './rig.ts';

const NOW = '2026-11-01T12:00:00.000Z';

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('this is good');
  return value;
}

const HOST: HostRecord = {
  type: 'host',
  name: 'esx-1.lab',
  ref: moref('HostSystem', 'host-1'),
  connection: 'connected',
  inMaintenance: false,
  poweredOn: true,
  cpuMhz: 1_000,
  memoryBytes: 1,
  updatedAt: NOW,
};

function container(digit: string, called: string, change: Partial<ContainerRecord> = {}): ContainerRecord {
  const name = present(parseContainerId(digit.repeat(64)));
  return {
    type: 'container',
    name,
    called: present(parseContainerName(called)),
    state: 'running',
    spec: {
      image: present(parseDigest(`sha256:${'1'.repeat(64)}`)),
      imageName: 'busybox',
      entrypoint: [],
      command: ['sleep', '1d'],
      env: [],
      workingDir: '/',
      user: '',
      hostname: called,
      domainname: '',
      labels: { tier: called },
      tty: false,
      openStdin: false,
      stopSignal: '',
      stopTimeoutSeconds: 10,
      network: 'bridge',
      ports: [],
      mounts: [],
      autoRemove: false,
    },
    settings: { memoryBytes: 0, nanoCpus: 0, restart: { name: 'no', maxRetries: 0 } },
    run: { wanted: 'running', restarts: 0 },
    machine: {
      ref: moref('VirtualMachine', `vm-${digit}`),
      uuid: machineUuidOf(name),
      vmxPath: present(parseDatastorePath(`[ds1] containers/${name}/${name}.vmx`)),
      host: HOST.ref,
    },
    createdAt: NOW,
    updatedAt: NOW,
    ...change,
  };
}

const WEB = container('a', 'web');
const DB = container('b', 'db', { state: 'exited', run: { wanted: 'stopped', exitCode: 3, restarts: 0 } });

describe('containers, hosts and recoveries', () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await startRig(ALL_KINDS);
    const names = [WEB, DB].map(
      ({ called, name }) => ({ type: 'container-name', name: called, container: name }) as const,
    );
    await rig.store.records.observe(
      [WEB, DB, HOST, ...names].map((record) => ({ op: 'put', record, expectedRev: 0 })),
      [],
    );
  });
  afterAll(() => rig.close());

  const namesAt = async (query: string): Promise<unknown> => {
    const { status, body } = await rig.call({ url: `/v1/containers${query}` });
    expect(status).toBe(200);
    return (body['items'] as readonly { readonly name: string }[]).map(({ name }) => name);
  };

  test.for([
    ['', ['web', 'db']],
    ['?state=exited', ['db']],
    ['?label=tier', ['web', 'db']],
    ['?label=tier%3Dweb', ['web']],
    ['?image=busybox', ['web', 'db']],
    ['?image=nginx', []],
    ['?host=esx-1.lab', ['web', 'db']],
    ['?host=host-1&state=running', ['web']],
    ['?host=esx-9.lab', []],
  ] as const)('the list %s', async ([query, names]) => {
    expect(await namesAt(query)).toEqual(names);
  });

  test.for(['web', WEB.name, 'aaaa'])('one is read by its name, its id or the beginning of it: %s', async (text) => {
    expect((await rig.call({ url: `/v1/containers/${text}` })).body).toMatchObject({
      id: WEB.name,
      name: 'web',
      state: 'running',
      run: { wanted: 'running' },
      machine: { host: HOST.ref },
    });
    expect(await rig.call({ url: '/v1/containers/nobody' })).toMatchObject({ status: 404 });
  });

  test('verbs submit jobs, with what the body or the query says', async () => {
    const headers = { 'idempotency-key': 'once' };
    const stop = { method: 'POST', url: '/v1/containers/web/stop', payload: { timeoutSeconds: 3 }, headers } as const;
    const first = await rig.call(stop);
    expect(first).toMatchObject({
      status: 202,
      body: { kind: 'container.stop', payload: { container: WEB.name, timeoutSeconds: 3 } },
    });
    expect((await rig.call(stop)).body['id']).toBe(first.body['id']);
    const remove = await rig.call({ method: 'DELETE', url: '/v1/containers/db?force=true&volumes' });
    expect(remove).toMatchObject({
      status: 202,
      body: { kind: 'container.remove', payload: { container: DB.name, force: true, anonymous: true } },
    });
    expect(await rig.call({ method: 'POST', url: '/v1/containers/nobody/start' })).toMatchObject({ status: 404 });
  });

  test('what Stowage sets in a payload is refused from callers', async () => {
    const payload = { name: 'ledger', container: WEB.name };
    const answer = await rig.call({ method: 'POST', url: '/v1/jobs', payload: { kind: 'volume.remove', payload } });
    expect(answer).toMatchObject({
      status: 400,
      body: { code: 'request-invalid', errors: [{ pointer: '/payload/container' }] },
    });
    const start = { method: 'POST', url: '/v1/containers/web/start', payload: { id: DB.name } } as const;
    expect(await rig.call(start)).toMatchObject({ status: 400, body: { errors: [{ pointer: '/id' }] } });
  });

  test('a host tells its containers, and is drained', async () => {
    expect((await rig.call({ url: '/v1/hosts/esx-1.lab' })).body).toMatchObject({
      name: 'esx-1.lab',
      containers: [{ name: 'web' }, { name: 'db' }],
    });
    expect(await rig.call({ method: 'POST', url: '/v1/hosts/host-1/drain' })).toMatchObject({
      status: 202,
      body: { kind: 'host.drain', payload: { host: 'esx-1.lab' } },
    });
    expect(await rig.call({ method: 'POST', url: '/v1/hosts/esx-9.lab/drain' })).toMatchObject({ status: 404 });
  });

  test('a recovery is listed and read', async () => {
    const payload = { kind: 'host.recover', payload: { host: 'esx-1.lab' } };
    const { body } = await rig.call({ method: 'POST', url: '/v1/jobs', payload });
    const recovery = { id: body['id'], host: 'esx-1.lab', state: 'waiting', recovered: null };
    expect((await rig.call({ url: '/v1/recoveries' })).body).toMatchObject({ items: [recovery] });
    expect((await rig.call({ url: `/v1/recoveries/${String(body['id'])}` })).body).toMatchObject({
      ...recovery,
      containers: [],
    });
    expect(await rig.call({ url: '/v1/recoveries/nothing' })).toMatchObject({ status: 404 });
  });
});
