import type { ContainerRecord } from '../../core/container.ts';
import { formatSize } from '../../core/size.ts';
import type { VolumeHolder, VolumeRecord } from '../../core/volume.ts';

export const DRIVER = 'vsphere';

/** What the CLI sends when no driver was named (VIC took it so too), and the driver's own name. */
export function isOwnDriver(name: string): boolean {
  return name === '' || name === 'local' || name === DRIVER;
}

/** A volume that is still being made is nobody's yet. */
export function isVisible(record: VolumeRecord): boolean {
  return record.state !== 'creating' && record.state !== 'deleted';
}

/** As `GET /volumes` lists it; inspect adds `Status`. */
export function renderVolume(record: VolumeRecord): object {
  const { name, spec, place, createdAt } = record;
  return {
    CreatedAt: createdAt.replace(/\.\d+Z$/, 'Z'),
    Driver: DRIVER,
    Labels: Object.keys(spec.labels).length === 0 ? null : spec.labels,
    Mountpoint: place?.disk?.path ?? place?.home ?? '',
    Name: name,
    Options: optionsOf(record),
    Scope: 'global',
  };
}

/** The options that would make the volume again. */
function optionsOf({ spec }: VolumeRecord): Readonly<Record<string, string>> {
  const size = exactSize(spec.capacityBytes);
  return {
    VolumeStore: spec.store,
    ...(spec.cloneFrom === undefined ? { Capacity: size } : { 'clone-from': spec.cloneFrom }),
    diskformat: spec.diskFormat,
    access: spec.access,
    ...(spec.cloneFrom === undefined ? { fstype: spec.fileSystem } : {}),
  };
}

const UNITS = [
  ['TiB', 2 ** 40],
  ['TB', 1e12],
  ['GiB', 2 ** 30],
  ['GB', 1e9],
  ['MiB', 2 ** 20],
  ['MB', 1e6],
  ['KiB', 2 ** 10],
] as const;

/** In the largest unit that leaves nothing over. */
function exactSize(bytes: number): string {
  const [name, unit] = UNITS.find(([, size]) => bytes % size === 0) ?? (['B', 1] as const);
  return `${bytes / unit}${name}`;
}

/** @param containers those that mount it, whether they run or not */
export function renderVolumeWithStatus(record: VolumeRecord, containers: readonly ContainerRecord[]): object {
  const { state, spec, place, holders, flag, failure } = record;
  return {
    ...renderVolume(record),
    Status: {
      state,
      store: spec.store,
      datastore: place?.datastore ?? null,
      backing: place?.backing ?? null,
      capacity: formatSize(spec.capacityBytes),
      capacityBytes: spec.capacityBytes,
      diskformat: spec.diskFormat,
      access: spec.access,
      fstype: spec.fileSystem,
      'clone-from': spec.cloneFrom ?? null,
      holders: holders.map(({ machine, machineName, access }) => ({ machine, name: machineName, access })),
      containers: containers.map(({ name, called }) => ({ id: name, name: called })),
      diskUuid: place?.disk?.uuid ?? null,
      ...(failure === undefined ? {} : { failure }),
      ...(flag === undefined ? {} : { flag: { reason: flag.reason, since: flag.since } }),
    },
  };
}

export function nameHolders(holders: readonly VolumeHolder[]): string {
  return holders.map((holder) => `machine ${holder.machineName}`).join(', ');
}
