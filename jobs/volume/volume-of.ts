import { StowageError } from '../../core/errors.ts';
import type { NewEvent } from '../../core/events.ts';
import { type DatastorePath, resourceKey, type VolumeName } from '../../core/ids.ts';
import type { JsonObject } from '../../core/job.ts';
import type { AttachedDisk } from '../../core/ports/data-centre.ts';
import type { RecordChange } from '../../core/record.ts';
import { transition, type VolumeState } from '../../core/states.ts';
import type { VolumeDocument, VolumeHolder, VolumePlace, VolumeRecord, VolumeStore } from '../../core/volume.ts';
import type { StepContext } from '../define.ts';
import { readDocument } from './document.ts';
import { backingOfKind, datastoresOf, diskPathOf, homeOf } from './place.ts';

type AnyContext = StepContext<unknown, unknown>;

/** A volume's record and its revision; 0 when there is no record and it was rebuilt from the document. */
export interface FoundVolume {
  readonly record: VolumeRecord;
  readonly rev: number;
}

export const volumeLine = (name: VolumeName): ReturnType<typeof resourceKey> => resourceKey('volume', name);

/** The record that a document stands for. Who holds the volume is not in it: that is asked of vSphere. */
export function recordFromDocument(
  document: VolumeDocument,
  place: VolumePlace,
  found: { readonly holders: readonly VolumeHolder[]; readonly now: string },
): VolumeRecord {
  const { disk } = document;
  const held: VolumeState = found.holders.length > 0 ? 'in-use' : 'available';
  const half = document.state === 'available' ? undefined : document.state;
  return {
    type: 'volume',
    name: document.name,
    state: half === undefined ? held : 'failed',
    spec: document.spec,
    place:
      place.backing === 'block' ? { ...place, disk: disk ?? { path: diskPathOf(place.home, document.name) } } : place,
    holders: found.holders,
    createdAt: document.createdAt,
    updatedAt: found.now,
    job: document.job,
    ...(half === undefined ? {} : { failure: { during: half, message: 'found half done' } }),
  };
}

/**
 * The volume's record; when Redis has none (it was emptied, and reconcile has not come by yet), the record rebuilt from the document that
 * lies beside the volume. @throws `volume-not-found`
 */
export async function findVolume(context: AnyContext, name: VolumeName): Promise<FoundVolume> {
  const known = await context.records.read('volume', name);
  if (known !== undefined) return known;
  for (const store of context.world.stores.values()) {
    const record = await findInStore(context, store, name);
    if (record !== undefined) return { record, rev: 0 };
  }
  throw new StowageError('volume-not-found', `there is no volume ${name}`);
}

async function findInStore(
  context: AnyContext,
  store: VolumeStore,
  name: VolumeName,
): Promise<VolumeRecord | undefined> {
  for (const datastore of await datastoresOf(context, store)) {
    const home = homeOf(datastore.name, store, name);
    const document = await readDocument(context.dataCentre.files, home, context.signal);
    if (document === undefined || document.name !== name) continue;
    const place: VolumePlace = { datastore: datastore.name, home, backing: backingOfKind(datastore.kind) };
    const rebuilt = recordFromDocument(document, place, { holders: [], now: context.now() });
    const holders = await findHolders(context, rebuilt);
    return recordFromDocument(document, place, { holders, now: context.now() });
  }
  return undefined;
}

/** Who has the volume's disk, as vSphere says. */
export async function findHolders(
  context: Pick<AnyContext, 'dataCentre' | 'signal'>,
  record: Pick<VolumeRecord, 'place'>,
): Promise<readonly VolumeHolder[]> {
  const disk = record.place?.disk;
  if (disk === undefined) return [];
  const wanted = { paths: [disk.path], ...(disk.uuid === undefined ? {} : { uuids: [disk.uuid] }) };
  const found = await context.dataCentre.machines.findByDisk(wanted, context.signal);
  return found.map(holderOf);
}

export function holderOf({ machine, name, disk }: AttachedDisk): VolumeHolder {
  return {
    machine,
    machineName: name,
    access: disk.mode === 'independent_nonpersistent' ? 'read-only' : 'read-write',
    controllerKey: disk.controllerKey,
    unit: disk.unit,
    diskKey: disk.key,
  };
}

/** For messages: `lab-vm-1 (VirtualMachine:vm-42)`. */
export function nameHolders(holders: readonly Pick<VolumeHolder, 'machine' | 'machineName'>[]): string {
  return holders.map((holder) => `${holder.machineName} (${holder.machine})`).join(', ');
}

export function inUse(record: VolumeRecord, wanted: string): StowageError {
  const holder = nameHolders(record.holders);
  return new StowageError('volume-in-use', `volume ${record.name} cannot be ${wanted}: it is in use by ${holder}`, {
    holder,
  });
}

/** The record in its next state, stamped. */
export function moved(
  context: AnyContext,
  record: VolumeRecord,
  state: VolumeState,
  change: Partial<VolumeRecord> = {},
): VolumeRecord {
  const { failure: _, ...rest } = record;
  return {
    ...rest,
    ...change,
    state: transition('volume', record.state, state),
    updatedAt: context.now(),
    job: context.jobId,
  };
}

/** What changes when the disk lies elsewhere than the record says: its place, and the event. */
export function followTo(
  record: VolumeRecord,
  path: DatastorePath,
): Pick<VolumeRecord, 'place'> & { readonly events: readonly NewEvent[] } {
  const { name, place } = record;
  if (place?.disk === undefined || place.disk.path === path) return { events: [] };
  return {
    place: { ...place, disk: { ...place.disk, path } },
    events: [{ type: 'volume.moved', subject: `volume:${name}`, data: { path } }],
  };
}

export function put(found: FoundVolume, record: VolumeRecord): RecordChange {
  return { op: 'put', record, expectedRev: found.rev };
}

/** The record as this job left it. Gone records (Redis was emptied while the job ran) cannot be: the claim went with them. @throws `record-stale` */
export async function ownVolume(context: AnyContext, name: VolumeName): Promise<FoundVolume> {
  const found = await context.records.read('volume', name);
  if (found === undefined) throw new StowageError('record-stale', `the record of volume ${name} is gone`);
  return found;
}

/** After a lock or a conflict: the same error, with the machine that has the disk named. */
export async function withHolderNamed<T>(
  context: AnyContext,
  record: Pick<VolumeRecord, 'name' | 'place'>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof StowageError) || thrown.code !== 'file-locked') throw thrown;
    const holders = await findHolders(context, record).catch(() => []);
    if (holders.length === 0) throw thrown;
    const holder = nameHolders(holders);
    throw new StowageError('file-locked', `the disk of volume ${record.name} is held open by ${holder}`, {
      ...thrown.details,
      holder,
      cause: thrown,
    });
  }
}

/** The result of a creation. */
export function resultOf(record: Pick<VolumeRecord, 'name' | 'spec' | 'place'>, created: boolean): JsonObject {
  return {
    name: record.name,
    capacityBytes: record.spec.capacityBytes,
    store: record.spec.store,
    datastore: record.place?.datastore ?? '',
    path: record.place?.disk?.path ?? record.place?.home ?? '',
    created,
  };
}
