import type { Logger } from 'pino';
import type { ContainerRecord, ContainerWorld } from '../core/container.ts';
import { asStowageError, isErrorCode } from '../core/errors.ts';
import { type ContainerId, type Moref, parseContainerId } from '../core/ids.ts';
import type { DataCentre } from '../core/ports/data-centre.ts';
import type { JobStore, RecordStore } from '../core/ports/jobs.ts';
import type { MachinesChange, WatchedMachine } from '../core/ports/machines.ts';
import type { Versioned } from '../core/record.ts';
import { isJobOver } from '../core/states.ts';
import { differs } from '../jobs/container/differs.ts';
import { deviceVolumes } from '../jobs/container/payloads.ts';
import { containerLine } from '../jobs/container/place.ts';
import { movedEvents } from '../jobs/container/sync-see.ts';
import { readAll } from '../jobs/read-all.ts';
import type { Submit } from '../jobs/submit.ts';
import { pause } from '../platform/pause.ts';

export interface ContainerWatcherParts {
  readonly dataCentre: Pick<DataCentre, 'estates' | 'machines'>;
  readonly world: ContainerWorld;
  /** Processes run in the machines, and end. */
  readonly hasGuests: boolean;
  readonly records: RecordStore;
  readonly jobs: Pick<JobStore, 'list'>;
  readonly submit: Submit;
  readonly logger: Logger;
  readonly nowMs: () => number;
}

/** Until the first container makes the folder. */
const FOLDER_MS = 2_000;
/** What vCenter tells of one change comes in several answers. */
const SETTLES_MS = 100;
/** What is told lags behind what a job of ours did by as much: a difference that is still there then is somebody else's. */
const LAGS_MS = 500;
/** A job is at it, or Redis did not answer. */
const AGAIN_MS = 1_000;
const AT_ONCE = 8;

/**
 * Sees what happens to containers' machines that no job does, and has it looked at: it compares what vCenter tells with the records, and
 * submits `container.sync` where they differ. It decides nothing itself, but that a machine that moved is where it is. Safe beside another
 * watcher that believes it leads: both submit the same, and join.
 */
export async function watchContainers(parts: ContainerWatcherParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const estate = await parts.dataCentre.estates.find(parts.world, signal);
      if (estate !== undefined) await watchFolder(parts, estate.folder, signal);
    } catch (thrown) {
      if (signal.aborted) return;
      const error = asStowageError(thrown);
      if (!isErrorCode(error, 'vcenter-not-found'))
        parts.logger.warn({ err: error }, 'containers are not watched; trying again');
    }
    await pause(FOLDER_MS, signal);
  }
}

async function watchFolder(parts: ContainerWatcherParts, folder: Moref, signal: AbortSignal): Promise<void> {
  const sight = new Sight(parts);
  const over = new AbortController();
  const looking = sight.run(AbortSignal.any([signal, over.signal]));
  try {
    await parts.dataCentre.machines.watch(folder, (change) => sight.take(change), signal);
  } finally {
    over.abort();
    await looking;
  }
}

/** What the watch has told, and the containers that are to be compared with it. */
class Sight {
  readonly #parts: ContainerWatcherParts;
  readonly #machines = new Map<Moref, WatchedMachine>();
  /** A machine's path says whose it is; one that was moved to another has been seen before, or its record names it. */
  readonly #owners = new Map<Moref, ContainerId>();
  /** By when to look, on the monotonic clock. */
  readonly #dirty = new Map<ContainerId, number>();
  /** Those that differed when they were last looked at, and how. */
  readonly #suspects = new Map<ContainerId, string>();
  #isAllDue = false;
  #wake = (): void => undefined;

  constructor(parts: ContainerWatcherParts) {
    this.#parts = parts;
  }

  take({ isWhole, machines, gone }: MachinesChange): void {
    if (isWhole) {
      this.#machines.clear();
      this.#isAllDue = true;
    }
    for (const machine of machines) {
      this.#machines.set(machine.ref, machine);
      const owner = ownerOf(machine);
      if (owner !== undefined) this.#owners.set(machine.ref, owner);
      this.#mark(this.#owners.get(machine.ref), SETTLES_MS);
    }
    for (const ref of gone) {
      this.#machines.delete(ref);
      this.#mark(this.#owners.get(ref), SETTLES_MS);
    }
    this.#wake();
  }

  #mark(id: ContainerId | undefined, inMs: number): void {
    if (id !== undefined && !this.#dirty.has(id)) this.#dirty.set(id, performance.now() + inMs);
  }

  /** Until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#isAllDue) await this.#markAll();
      const now = performance.now();
      const due = [...this.#dirty].filter(([, at]) => at <= now).slice(0, AT_ONCE);
      for (const [id] of due) this.#dirty.delete(id);
      await Promise.all(due.map(([id]) => this.#look(id)));
      if (due.length === 0) await this.#rest(signal);
    }
  }

  async #rest(signal: AbortSignal): Promise<void> {
    const nextAt = Math.min(...this.#dirty.values(), performance.now() + AGAIN_MS);
    const woken = Promise.withResolvers<void>();
    this.#wake = woken.resolve;
    await Promise.race([woken.promise, pause(Math.max(10, nextAt - performance.now()), signal)]);
  }

  /** After a whole snapshot: also those whose machine is gone. */
  async #markAll(): Promise<void> {
    this.#isAllDue = false;
    try {
      for (const { record } of await readAll(this.#parts, 'container')) {
        if (record.machine !== undefined) this.#owners.set(record.machine.ref, record.name);
        this.#mark(record.name, 0);
      }
    } catch (thrown) {
      this.#parts.logger.warn({ err: asStowageError(thrown) }, 'containers were not compared; trying again');
      this.#isAllDue = true;
    }
  }

  async #look(id: ContainerId): Promise<void> {
    try {
      const found = await this.#parts.records.read('container', id);
      if (found !== undefined && !(await this.#settle(found))) this.#mark(id, AGAIN_MS);
    } catch (thrown) {
      this.#parts.logger.warn(
        { err: asStowageError(thrown), container: id },
        'a container was not compared; trying again',
      );
      this.#mark(id, AGAIN_MS);
    }
  }

  /** false: a job is at it, look again. */
  async #settle(found: Versioned<ContainerRecord>): Promise<boolean> {
    const { record } = found;
    const machine = this.#machineOf(record);
    const volumes = await Promise.all(
      deviceVolumes(record.spec.mounts).map(async (name) => this.#parts.records.read('volume', name)),
    );
    const reason = differs(
      record,
      machine,
      volumes.flatMap((each) => (each === undefined ? [] : [each.record])),
    );
    if (reason !== undefined && this.#isEnd(record, machine)) return this.#haveItSynced(record, reason);
    if (reason !== undefined) return this.#suspect(record, reason);
    this.#suspects.delete(record.name);
    return machine === undefined || this.#follow(found, machine);
  }

  /**
   * With a guest a start is not over before the process runs, long after power was told: what is off then has ended, and people wait for
   * its exit code.
   */
  #isEnd({ state }: ContainerRecord, machine: WatchedMachine | undefined): boolean {
    return this.#parts.hasGuests && state === 'running' && machine?.power === 'off';
  }

  /** Synced when it differs for the second time; false: a job is at it, look again. */
  async #suspect(record: ContainerRecord, reason: string): Promise<boolean> {
    const { name } = record;
    if (this.#suspects.get(name) === reason) {
      this.#suspects.delete(name);
      return this.#haveItSynced(record, reason);
    }
    this.#suspects.set(name, reason);
    this.#mark(name, LAGS_MS);
    return true;
  }

  /** By reference; a machine that was registered anew is found by its owner. The one that runs, else the one that answers. */
  #machineOf({ name, machine }: ContainerRecord): WatchedMachine | undefined {
    const known = machine === undefined ? undefined : this.#machines.get(machine.ref);
    if (known?.connected === true) return known;
    const all = [...this.#machines.values()].filter(({ ref }) => this.#owners.get(ref) === name);
    return (
      all.find((each) => each.connected && each.power === 'on') ?? all.find((each) => each.connected) ?? known ?? all[0]
    );
  }

  async #haveItSynced({ name }: ContainerRecord, reason: string): Promise<boolean> {
    const { jobs, submit, logger } = this.#parts;
    const { items } = await jobs.list({ resource: containerLine(name) }, { limit: 10 });
    if (items.some(({ state }) => !isJobOver(state))) return false;
    await submit('container.sync', { container: name }, { actor: 'watcher', role: 'operator' }).catch(
      (thrown: unknown) => {
        if (!isErrorCode(thrown, 'container-not-found')) throw thrown;
      },
    );
    logger.info({ container: name, reason }, 'a container was changed by somebody else');
    return true;
  }

  async #isLost(host: Moref | undefined): Promise<boolean> {
    const hosts = await readAll(this.#parts, 'host');
    return hosts.some(({ record: { ref, connection } }) => ref === host && connection !== 'connected');
  }

  /** vMotion, by DRS or by a person. */
  async #follow(
    { rev, record }: Versioned<ContainerRecord>,
    { ref, host, connected }: WatchedMachine,
  ): Promise<boolean> {
    const known = record.machine;
    const isMoved =
      known !== undefined && connected && host !== undefined && (known.host !== host || known.ref !== ref);
    if (!isMoved || record.state === 'recovering') return true;
    // Away from a host that was lost: vSphere HA did it, and the recovery of that host tells the story.
    if ((record.state === 'running' || record.state === 'paused') && (await this.#isLost(known.host))) return false;
    const updatedAt = new Date(this.#parts.nowMs()).toISOString();
    const next: ContainerRecord = { ...record, machine: { ...known, ref, host }, updatedAt };
    const events = movedEvents(record, next);
    return (await this.#parts.records.observe([{ op: 'put', record: next, expectedRev: rev }], events)) === 'done';
  }
}

/** `…/containers/<id>/<id>.vmx` */
function ownerOf({ vmxPath = '' }: { readonly vmxPath?: string }): ContainerId | undefined {
  return parseContainerId(/\/([0-9a-f]{64})\/\1\.vmx$/.exec(vmxPath)?.[1] ?? '');
}
