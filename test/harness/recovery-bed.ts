import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { ContainerRecord } from '../../core/container.ts';
import type { JobId } from '../../core/ids.ts';
import type { Job, JsonObject } from '../../core/job.ts';
import { isJobOver } from '../../core/states.ts';
import { eventually, type LabDisk, type LabMachine } from '../system/lab-view.ts';
import { type ImageSystem, startImageSystem } from './image-system.ts';
import type { SystemOptions } from './system.ts';

interface LabVm extends LabMachine {
  readonly host: string;
  readonly power: string;
  readonly connectionState: string;
}
interface LabHost {
  readonly name: string;
  readonly moid: string;
  readonly connectionState: string;
}
interface LockedDisk extends LabDisk {
  readonly locks?: readonly { readonly vm: string; readonly host: string; readonly mode: string }[];
}

const RECOVERY_MS = 90_000;
const BACK_MS = 500;

/** A system whose hosts fail: containers with a volume each, on hosts of the test's choice. */
export class RecoveryBed {
  readonly system: ImageSystem;

  private constructor(system: ImageSystem) {
    this.system = system;
  }

  /** Without vSphere HA, until `ha` says otherwise. */
  static async open(
    options: SystemOptions = {},
    prepare: (system: ImageSystem) => Promise<void> = () => Promise.resolve(),
  ): Promise<RecoveryBed> {
    const system = await startImageSystem({
      ...options,
      vcenter: { args: ['-ha=false'], ...options.vcenter },
      env: {
        STOWAGE_HOST_GRACE_MS: '300',
        STOWAGE_HA_WAIT: '3',
        STOWAGE_ROOM_WAIT: '3',
        STOWAGE_WORKER_CONCURRENCY: '32',
        STOWAGE_RECONCILE_INTERVAL_MS: '3600000',
        ...options.env,
      },
    });
    await prepare(system);
    const bed = new RecoveryBed(system);
    await system.pushSample('busybox');
    await bed.succeed('image.pull', { reference: 'busybox' });
    return bed;
  }

  async close(): Promise<void> {
    await this.system.close();
  }

  async succeed(kind: string, payload: JsonObject): Promise<Job> {
    const job = await this.system.run(kind, payload);
    expect(job, `${kind} ${JSON.stringify(payload)}`).toMatchObject({ state: 'succeeded' });
    return job;
  }

  /** Each with a volume `<name>_vol`; started, on this host alone, unless `isStarted` is false. */
  async containers(names: readonly string[], host: string, more: JsonObject & { readonly isStarted?: boolean } = {}) {
    const { isStarted = true, ...spec } = more;
    await this.#onlyUsable(host, async () => {
      await Promise.all(
        names.map(async (name) => {
          const mounts = [{ volume: `${name}_vol`, destination: '/data' }];
          await this.succeed('container.create', { image: 'busybox', name, command: ['sleep', '1d'], mounts, ...spec });
          if (isStarted) await this.succeed('container.start', { container: name });
        }),
      );
    });
  }

  /** A moment in which machines can be put only on this host. */
  async #onlyUsable(host: string, work: () => Promise<void>): Promise<void> {
    const others = (await this.hosts()).filter((each) => each.name !== host && each.connectionState === 'connected');
    for (const { name } of others) await this.system.lab('POST', `/hosts/${name}/maintenance`, { enter: true });
    await work();
    for (const { name } of others) await this.system.lab('POST', `/hosts/${name}/maintenance`, { enter: false });
  }

  async fail(host: string, mode: 'crash' | 'isolate' = 'crash'): Promise<void> {
    await this.system.lab('POST', `/hosts/${host}/fail`, { mode });
  }

  async giveBack(host: string): Promise<void> {
    await this.system.lab('POST', `/hosts/${host}/return`);
  }

  /**
   * Gives a host back, and waits until it was looked at: a host that is back has a recovery of its own, some time later, which would be taken for
   * that of the next loss. For hosts whose loss was seen, and of which no recovery is under way.
   */
  async settleBack(host: string): Promise<void> {
    const before = await this.recoveries(host);
    await this.giveBack(host);
    await this.system.end(await this.recoveryOf(host, before), RECOVERY_MS);
  }

  /** Gives all hosts back, and moves everything to one of them. */
  async gatherOn(host: string): Promise<void> {
    await this.system.lab('POST', '/reset');
    for (const { name } of await this.hosts()) await this.giveBack(name);
    await eventually('the watcher to see all hosts', async () => {
      const { items } = await this.system.store.records.list('host', { limit: 100 });
      return items.every(({ record }) => record.connection === 'connected') ? true : undefined;
    });
    // What is back is looked at a moment later: a loss that comes before would join that recovery.
    await sleep(BACK_MS);
    await this.quiet();
    await this.#onlyUsable(host, () => Promise.resolve());
  }

  async ha(enabled: boolean, delayMs = 300): Promise<void> {
    await this.system.lab('POST', '/ha', { enabled, delayMs });
  }

  async hosts(): Promise<readonly LabHost[]> {
    return (await this.system.lab('GET', '/hosts')) as readonly LabHost[];
  }

  async vms(name: string): Promise<readonly LabVm[]> {
    return ((await this.system.lab('GET', '/vms')) as readonly LabVm[]).filter((each) => each.name === name);
  }

  async record(name: string): Promise<ContainerRecord | undefined> {
    const owner = await this.system.store.records.read('container-name', name);
    if (owner === undefined) return undefined;
    return (await this.system.store.records.read('container', owner.record.container))?.record;
  }

  async recoveries(host: string): Promise<readonly Job[]> {
    const page = await this.system.store.jobs.list({ kind: 'host.recover' }, { limit: 100 });
    return page.items.filter((job) => job.payload['host'] === host);
  }

  /** The job that recovers a host which has just failed; `before`: those that were there. */
  async recoveryOf(host: string, before: readonly Job[] = []): Promise<JobId> {
    const known = before.map(({ id }) => id);
    return eventually(`a recovery of ${host}`, async () => {
      const found = (await this.recoveries(host)).find(({ id }) => !known.includes(id));
      return found?.id;
    });
  }

  /** Fails a host, and resolves with the recovery when it is over. */
  async failAndRecover(host: string, mode: 'crash' | 'isolate' = 'crash'): Promise<Job> {
    const before = await this.recoveries(host);
    await this.fail(host, mode);
    return this.system.end(await this.recoveryOf(host, before), RECOVERY_MS);
  }

  /** No recovery is under way, of no host. */
  async quiet(): Promise<void> {
    await eventually(
      'all recoveries to be over',
      async () => {
        const kinds = await Promise.all(
          ['host.recover', 'container.recover'].map((kind) => this.system.store.jobs.list({ kind }, { limit: 200 })),
        );
        return kinds.every(({ items }) => items.every(({ state }) => isJobOver(state))) ? true : undefined;
      },
      RECOVERY_MS,
    );
  }

  /** Runs once, on a host that answers, with its volume and nobody else having it; Stowage says the same. */
  async expectRunning(name: string): Promise<void> {
    const record = await this.record(name);
    expect(record, name).toMatchObject({ state: 'running', run: { wanted: 'running' } });
    const vms = await this.vms(name);
    expect(vms, name).toMatchObject([{ power: 'poweredOn', connectionState: 'connected' }]);
    expect(record?.machine?.ref, name).toBe(`VirtualMachine:${vms[0]?.moid}`);
    const host = (await this.hosts()).find((each) => each.name === vms[0]?.host);
    expect(host, name).toMatchObject({ connectionState: 'connected' });
    expect(record?.machine?.host, name).toBe(`HostSystem:${host?.moid}`);
    await this.#expectDisks(name, record, vms[0]?.host);
  }

  async #expectDisks(name: string, record: ContainerRecord | undefined, host: string | undefined): Promise<void> {
    const disks = (await this.system.lab('GET', '/disks')) as readonly LockedDisk[];
    const scratch = disks.find(({ path }) => path.includes(record?.name ?? '-') && path.endsWith('/scratch.vmdk'));
    const volume = disks.find(({ path }) => path.endsWith(`/${name}_vol.vmdk`));
    const locked = [{ vm: name, host, mode: 'write' }];
    expect(scratch, name).toMatchObject({ attachments: [{ vm: name }], locks: locked });
    expect(volume, name).toMatchObject({ attachments: [{ vm: name }], locks: locked });
    expect(await this.system.volume(`${name}_vol`), name).toMatchObject({
      state: 'in-use',
      holders: [{ machine: record?.machine?.ref, machineName: name }],
    });
  }

  /** Its events, the times of each container, and one trace for all of it. */
  async expectStory(recovery: Job, containers: number): Promise<void> {
    const { items } = await this.system.store.events.list({ limit: 1_000 });
    const told = (type: string): number =>
      items.filter((event) => event.type === type && event.time >= recovery.createdAt).length;
    expect(told('recovery.started')).toBe(1);
    expect(told('container.recovering')).toBe(containers);
    expect(told('container.recovered')).toBe(containers);
    expect(told('recovery.finished')).toBe(1);
    const traceOf = (job: Job | undefined): string | undefined => job?.traceparent?.split('-')[1];
    expect(traceOf(recovery)).toMatch(/^[0-9a-f]{32}$/);
    for (const id of recovery.children) {
      const child = await this.system.store.jobs.read(id);
      expect(traceOf(child)).toBe(traceOf(recovery));
      const { timeline } = child?.result ?? {};
      const times = Object.values((timeline ?? {}) as Readonly<Record<string, string>>);
      expect(times.length, JSON.stringify(timeline)).toBeGreaterThanOrEqual(5);
      expect([...times].toSorted(), JSON.stringify(timeline)).toEqual(times);
    }
  }

  /** No file was deleted and no machine destroyed since `DELETE /tasks`. */
  async expectNothingDeleted(): Promise<void> {
    const tasks = (await this.system.lab('GET', '/tasks')) as readonly { readonly method: string }[];
    expect(tasks.filter(({ method }) => /^(?:Destroy|Delete)/.test(method))).toEqual([]);
  }
}
