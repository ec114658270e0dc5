import type { ContainerRecord } from '../../core/container.ts';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import type { NewEvent } from '../../core/events.ts';
import type { DatastorePath, Moref, VolumeName } from '../../core/ids.ts';
import type { JsonObject } from '../../core/job.ts';
import type { Machine } from '../../core/ports/machines.ts';
import type { RecordChange } from '../../core/record.ts';
import type { AccessMode, VolumeHolder, VolumeRecord } from '../../core/volume.ts';
import type { StepContext } from '../define.ts';
import { followInDocument } from '../volume/follow.ts';
import { diskIn } from '../volume/machine-of.ts';
import { accessOf, refuseSharing } from '../volume/sharing.ts';
import { findVolume, followTo, type FoundVolume, moved, put } from '../volume/volume-of.ts';

// Volumes of a container, as far as they are devices. The lease comes before the device, as in volume.attach: the records say who will hold
// the volumes before vSphere is asked. The job stands in the line of each of them.

type AnyContext = StepContext<unknown, unknown>;

export interface Mounted {
  readonly found: FoundVolume;
  readonly access: AccessMode;
}

/** By volume. */
export type DiskPaths = Readonly<Record<string, DatastorePath>>;

/** Where the machine has the disks of these volumes. */
export function pathsIn(machine: Machine, mounted: readonly Mounted[]): DiskPaths {
  return Object.fromEntries(
    mounted.flatMap(({ found: { record } }) => {
      const disk = diskIn(machine, record);
      return disk === undefined ? [] : [[record.name, disk.path]];
    }),
  );
}

export interface Writes {
  readonly records: readonly RecordChange[];
  readonly events: readonly NewEvent[];
}

function wantedVolumes({ spec }: Pick<ContainerRecord, 'spec'>): ReadonlyMap<VolumeName, AccessMode> {
  const wanted = new Map<VolumeName, AccessMode>();
  for (const { volume, access, backing } of spec.mounts) {
    if (backing === 'block' && wanted.get(volume) !== 'read-write') wanted.set(volume, access);
  }
  return wanted;
}

async function mountedVolume(context: AnyContext, volume: VolumeName, access: AccessMode): Promise<Mounted> {
  const found = await findVolume(context, volume);
  return { found, access: accessOf(access === 'read-write' ? undefined : access, found.record) };
}

/** One for each volume, wherever in the container it is mounted. @throws `volume-not-found` */
export function mountedVolumes(
  context: AnyContext,
  record: Pick<ContainerRecord, 'spec'>,
): Promise<readonly Mounted[]> {
  return Promise.all([...wantedVolumes(record)].map(([volume, access]) => mountedVolume(context, volume, access)));
}

/** For what lets volumes go: one whose record and document are gone holds nothing up. */
export async function mountedVolumesLeft(
  context: AnyContext,
  record: Pick<ContainerRecord, 'spec'>,
): Promise<readonly Mounted[]> {
  const all = await Promise.all(
    [...wantedVolumes(record)].map(([volume, access]) =>
      mountedVolume(context, volume, access).catch((thrown: unknown) => {
        if (!isErrorCode(thrown, 'volume-not-found', 'volume-damaged')) throw thrown;
        return undefined;
      }),
    ),
  );
  return all.filter((each) => each !== undefined);
}

const without = (record: VolumeRecord, machines: readonly Moref[]): readonly VolumeHolder[] =>
  record.holders.filter((holder) => !machines.includes(holder.machine));

/** @throws `volume-in-use` naming the holder, `volume-busy` */
export function takeLeases(
  context: AnyContext,
  machine: { readonly ref: Moref; readonly name: string; readonly before: readonly Moref[] },
  mounted: readonly Mounted[],
): readonly RecordChange[] {
  return mounted.map(({ found, access }) => {
    const { record } = found;
    const others = without(record, [machine.ref, ...machine.before]);
    refuseSharing(record, others, access);
    if (!['available', 'in-use', 'attaching'].includes(record.state))
      throw new StowageError('volume-busy', `volume ${record.name} is ${record.state} and cannot be attached now`);
    const holder = { machine: machine.ref, machineName: machine.name, access, job: context.jobId };
    return put(found, moved(context, record, 'attaching', { holders: [...others, holder] }));
  });
}

/** Leases become attachments. @throws `vcenter-conflict` when a disk is not in the machine */
export function confirmLeases(
  context: AnyContext,
  machine: Machine,
  { mounted, before }: { readonly mounted: readonly Mounted[]; readonly before: readonly Moref[] },
): Writes {
  const writes = mounted.map(({ found, access }): { record: RecordChange; events: readonly NewEvent[] } => {
    const { record } = found;
    const disk = diskIn(machine, record);
    if (disk === undefined)
      throw new StowageError(
        'vcenter-conflict',
        `the disk of volume ${record.name} is not in ${machine.name} any more`,
      );
    const holder: VolumeHolder = {
      machine: machine.ref,
      machineName: machine.name,
      access,
      controllerKey: disk.controllerKey,
      unit: disk.unit,
      diskKey: disk.key,
    };
    const { events, ...place } = followTo(record, disk.path);
    const holders = [...without(record, [machine.ref, ...before]), holder];
    const attached: NewEvent = {
      type: 'volume.attached',
      subject: `volume:${record.name}`,
      data: { machine: machine.ref, machineName: machine.name, access, unit: disk.unit },
    };
    return {
      record: put(found, moved(context, record, 'in-use', { holders, ...place })),
      events: [...events, attached],
    };
  });
  return { records: writes.map(({ record }) => record), events: writes.flatMap(({ events }) => events) };
}

/** The machine has a new name in vCenter, and somebody else's job goes on with its volumes: the leases follow, and stay what they are. */
export function renameHolders(
  context: AnyContext,
  machine: Pick<Machine, 'ref' | 'name'>,
  { mounted, before }: { readonly mounted: readonly Mounted[]; readonly before: readonly Moref[] },
): readonly RecordChange[] {
  return mounted.flatMap(({ found }) => {
    const { record } = found;
    if (!record.holders.some((holder) => before.includes(holder.machine))) return [];
    const holders = record.holders.map((holder) =>
      before.includes(holder.machine) ? { ...holder, machine: machine.ref, machineName: machine.name } : holder,
    );
    return [put(found, { ...record, holders, updatedAt: context.now() })];
  });
}

/** Before devices go: the volumes are on their way, and nobody else's yet. */
export function markLeaving(context: AnyContext, machine: Moref, mounted: readonly Mounted[]): readonly RecordChange[] {
  return mounted
    .filter(
      ({ found: { record } }) => record.state === 'in-use' && record.holders.some((each) => each.machine === machine),
    )
    .map(({ found }) => put(found, moved(context, found.record, 'detaching')));
}

/**
 * After devices have gone: nobody of these machines has the volumes.
 * @param paths where the disks were when they were taken out: Storage DRS may have moved them
 */
export async function endLeases(
  context: AnyContext,
  machines: readonly Moref[],
  {
    mounted,
    paths,
    data = {},
  }: { readonly mounted: readonly Mounted[]; readonly paths: DiskPaths; readonly data?: JsonObject },
): Promise<Writes> {
  const records: RecordChange[] = [];
  const events: NewEvent[] = [];
  for (const { found } of mounted) {
    const { record } = found;
    const gone = record.holders.filter((holder) => machines.includes(holder.machine));
    if (gone.length === 0 && record.state !== 'detaching' && record.state !== 'attaching') continue;
    const place = await followInDocument(context, record, paths[record.name]);
    const holders = without(record, machines);
    const via: VolumeRecord = record.state === 'in-use' ? moved(context, record, 'detaching') : record;
    records.push(put(found, moved(context, via, holders.length === 0 ? 'available' : 'in-use', { holders, ...place })));
    for (const { machine, machineName } of gone)
      events.push({
        type: 'volume.detached',
        subject: `volume:${record.name}`,
        data: { machine, machineName, ...data },
      });
  }
  return { records, events };
}
