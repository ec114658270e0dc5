import type { ErrorCode } from '../core/error-codes.ts';
import type { ErrorFacts } from '../core/errors.ts';
import { StowageError } from '../core/errors.ts';
import {
  type ContainerId,
  type ContainerName,
  datastorePath,
  type JobId,
  type MachineUuid,
  moref,
  newJobId,
  parseVolumeName,
  type ResourceKey,
  resourceKey,
  type VolumeName,
} from '../core/ids.ts';
import type { Claim, JobEnd } from '../core/ports/jobs.ts';
import type { AnyRecord } from '../core/record.ts';
import type { Digest } from '../core/reference.ts';
import { randomBytes } from '../platform/clock.ts';
import type { Store } from '../store/open.ts';

// A day of a busy installation, put into Redis through the scripts that the product itself uses.

const DAY_MS = 24 * 3_600_000;
const AT_ONCE = 256;
const VOLUMES = 2_000;
const CONTAINERS = 2_000;
const HOSTS = 32;
const KINDS = ['volume.create', 'volume.attach', 'volume.remove', 'container.start', 'container.stop', 'image.pull'];
const CODES: readonly ErrorCode[] = [
  'store-full',
  'file-locked',
  'vcenter-no-permission',
  'volume-in-use',
  'machine-full',
  'hosts-full',
  'registry-denied',
  'image-unknown',
];
const ACTORS = ['key:ci', 'key:nightly', 'key:ops', 'docker:alice', 'docker:bob'];

export interface Day {
  readonly jobs: number;
  readonly dead: number;
  readonly audit: number;
}

function nth<T>(list: readonly T[], index: number): T {
  const item = list[index % list.length];
  if (item === undefined) throw new RangeError('an empty list');
  return item;
}

export async function fillDay(store: Store, day: Day): Promise<{ readonly parent: JobId; readonly dead: JobId }> {
  await fillRecords(store);
  const total = day.jobs + day.dead;
  const every = Math.max(1, Math.floor(total / day.dead));
  const begun = Date.now() - DAY_MS;
  let deadLeft = day.dead;
  let lastDead: JobId | undefined;
  for (let from = 0; from < total; from += AT_ONCE) {
    const batch = Array.from({ length: Math.min(AT_ONCE, total - from) }, (_, index) => from + index);
    await Promise.all(
      batch.map(async (index) => {
        const id = newJobId(begun + Math.floor((index / total) * DAY_MS), randomBytes(10));
        const isDead = deadLeft > 0 && (index % every === 0 || total - index <= deadLeft);
        if (isDead) deadLeft -= 1;
        await live(store, { id, index, isDead, isLate: index > total - 600 });
        if (isDead) lastDead = id;
      }),
    );
  }
  const parent = await fillFamily(store);
  await fillAudit(store, day.audit);
  if (lastDead === undefined) throw new RangeError('there must be a dead letter');
  return { parent, dead: lastDead };
}

/** One job from its submission to where it stands now. */
async function live(
  store: Store,
  job: { readonly id: JobId; readonly index: number; readonly isDead: boolean; readonly isLate: boolean },
): Promise<void> {
  const { id, index, isDead, isLate } = job;
  const claim = await begin(store, id, { index, resources: [resourceKey('volume', `vol_${index % VOLUMES}`)] });
  // It stands behind another, and waits.
  if (claim === undefined) return;
  await store.claims.commit(claim, { end: endOf({ index, isDead, isLate }), step: 'disk' });
  if (!isDead && index % 50 === 7) await store.jobs.discard(id, 'key:ops', 'not wanted any more');
}

async function begin(
  store: Store,
  id: JobId,
  how: { readonly index: number; readonly resources: readonly ResourceKey[]; readonly parent?: Claim },
): Promise<Claim | undefined> {
  const { index, resources, parent } = how;
  await store.jobs.submit({
    id,
    kind: nth(KINDS, index),
    lane: 'default',
    payload: { name: `vol_${index % VOLUMES}`, options: { Capacity: '10GB', VolumeStore: 'default' } },
    resources,
    stepNames: ['reserve', 'directory', 'disk', 'publish'],
    actor: nth(ACTORS, index >> 3),
    maxAttempts: 8,
    deadlineMs: 3_600_000,
    ...(parent === undefined ? {} : { parent: parent.job.id, parentEpoch: parent.epoch }),
  });
  const acquired = await store.claims.acquire(id, 'bench:1', 1);
  return acquired.outcome === 'acquired' ? acquired.claim : undefined;
}

function errorOf(index: number): ErrorFacts {
  const code = nth(CODES, index >> 2);
  return new StowageError(code, `${code} at datastore ds-${index % 12}, object vm-${index}`).facts;
}

function endOf({ index, isDead, isLate }: { index: number; isDead: boolean; isLate: boolean }): JobEnd {
  if (isDead || index % 50 === 7) return { state: 'dead', error: errorOf(index) };
  if (isLate && index % 3 === 0) return { state: 'waiting', error: errorOf(index), retryInMs: 3_600_000, counts: true };
  if (index % 40 === 3) return { state: 'cancelled', error: new StowageError('job-cancelled', 'cancelled').facts };
  return { state: 'succeeded', result: { name: `vol_${index % VOLUMES}` } };
}

/** A job with 40 jobs of its own, and a trail. */
async function fillFamily(store: Store): Promise<JobId> {
  const id = newJobId(Date.now(), randomBytes(10));
  const parent = await begin(store, id, { index: 5, resources: [] });
  if (parent === undefined) throw new Error('the parent waits');
  for (let index = 0; index < 40; index += 1) {
    const child = await begin(store, newJobId(Date.now(), randomBytes(10)), { index, resources: [], parent });
    if (child !== undefined) await store.claims.commit(child, { end: { state: 'succeeded', result: {} } });
  }
  const at = new Date().toISOString();
  const call = { at, type: 'call', name: 'RetrievePropertiesEx', attempt: 1, step: 'disk', durationMs: 4.2 } as const;
  store.trails.add(
    id,
    Array.from({ length: 500 }, () => ({ ...call, data: { outcome: 'ok' } })),
  );
  return id;
}

async function fillAudit(store: Store, count: number): Promise<void> {
  for (let from = 0; from < count; from += AT_ONCE) {
    const batch = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, index) => from + index);
    await Promise.all(
      batch.map((index) =>
        store.audit.add({
          at: new Date().toISOString(),
          actor: nth(ACTORS, index),
          role: 'operator',
          action: nth(['cancelJob', 'redriveJob', 'discardJob'], index),
          target: `job:${index}`,
          outcome: 'done',
          status: 200,
          detail: { reason: 'not wanted any more' },
          address: '192.0.2.7',
        }),
      ),
    );
  }
}

async function fillRecords({ records }: Store): Promise<void> {
  const all: AnyRecord[] = [...hosts(), ...stores(), ...volumes(), ...containers()];
  for (let from = 0; from < all.length; from += 500) {
    const changes = all.slice(from, from + 500).map((record) => ({ op: 'put' as const, record, expectedRev: 0 }));
    const outcome = await records.observe(changes, []);
    if (outcome !== 'done') throw new Error(`records are not written: ${outcome}`);
  }
}

const AT = new Date().toISOString();
const refOfHost = (index: number) => moref('HostSystem', `host-${index % HOSTS}`);

function hosts(): AnyRecord[] {
  return Array.from({ length: HOSTS }, (_, index) => ({
    type: 'host',
    name: `esx-${index}.example.com`,
    ref: refOfHost(index),
    connection: 'connected',
    inMaintenance: index === 3,
    poweredOn: true,
    cpuMhz: 96_000,
    memoryBytes: 2 ** 39,
    updatedAt: AT,
  }));
}

function stores(): AnyRecord[] {
  const space = { capacityBytes: 2 ** 44, freeBytes: 2 ** 43 };
  return ['default', 'fast', 'files'].map((name) => ({
    type: 'store',
    name,
    target: { type: 'datastore', name: `ds-${name}` },
    root: 'stowage',
    backing: 'block',
    datastores: [{ name: `ds-${name}`, ref: moref('Datastore', name), kind: 'VMFS', accessible: true, ...space }],
    ...space,
    updatedAt: AT,
  }));
}

function volumes(): AnyRecord[] {
  return Array.from({ length: VOLUMES }, (_, index) => ({
    type: 'volume',
    name: nameOf(index),
    state: 'available',
    spec: {
      store: nth(['default', 'fast', 'files'], index),
      capacityBytes: 10_000_000_000,
      diskFormat: 'thin',
      access: 'read-write',
      fileSystem: 'ext4',
      labels: {},
    },
    holders: [],
    createdAt: AT,
    updatedAt: AT,
  }));
}

function nameOf(index: number): VolumeName {
  const name = parseVolumeName(`vol_${index}`);
  if (name === undefined) throw new TypeError('a name that names no volume');
  return name;
}

function containers(): AnyRecord[] {
  return Array.from({ length: CONTAINERS }, (_, index) => {
    const id = index.toString(16).padStart(64, '0') as ContainerId;
    const called = `web-${index}` as ContainerName;
    return {
      type: 'container',
      name: id,
      called,
      state: 'running',
      spec: {
        image: `sha256:${'a'.repeat(64)}` as Digest,
        imageName: 'nginx:latest',
        entrypoint: ['/docker-entrypoint.sh'],
        command: ['nginx', '-g', 'daemon off;'],
        env: ['PATH=/usr/bin:/bin', 'NGINX_VERSION=1.29'],
        workingDir: '/',
        user: '',
        hostname: called,
        domainname: '',
        labels: { team: `team-${index % 9}` },
        tty: false,
        openStdin: false,
        stopSignal: 'SIGQUIT',
        stopTimeoutSeconds: 10,
        network: 'bridge',
        ports: [],
        mounts: [],
        autoRemove: false,
      },
      settings: { memoryBytes: 2 ** 29, nanoCpus: 0, restart: { name: 'always', maxRetries: 0 } },
      run: { wanted: 'running', startedAt: AT, restarts: 0 },
      machine: {
        ref: moref('VirtualMachine', `vm-${index}`),
        uuid: '00000000-0000-8000-8000-000000000000' as MachineUuid,
        vmxPath: datastorePath('shared-1', `containers/${called}/${called}.vmx`),
        host: refOfHost(index),
      },
      createdAt: AT,
      updatedAt: AT,
    };
  });
}
