import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import { type DatastorePath, parentPath, type TaskRef, type VolumeName } from '../../core/ids.ts';
import { formatSize, parseVolumeSize, SIZE_PATTERN } from '../../core/size.ts';
import type { VolumeRecord } from '../../core/volume.ts';
import { type AnyKind, defineKind, type Step, type StepContext } from '../define.ts';
import { encodeDocument, readDocument } from './document.ts';
import { findElsewhere } from './find-disk.ts';
import { diskIn, findMachine } from './machine-of.ts';
import { volumeNameSchema } from './options.ts';
import { documentPathOf } from './place.ts';
import { findVolume, followTo, inUse, moved, ownVolume, put, volumeLine, withHolderNamed } from './volume-of.ts';

interface Payload {
  readonly name: VolumeName;
  readonly capacityBytes: number;
}
interface Notes {
  readonly before: VolumeRecord;
}
type Context = StepContext<Payload, Notes>;

const capacitySchema = z
  .string()
  .meta({ pattern: SIZE_PATTERN, description: 'The new capacity, e.g. 20GB; more than the volume has.' })
  .transform((text, context) => {
    const size = parseVolumeSize(text);
    if (!('fault' in size)) return size.bytes;
    context.addIssue({ code: 'custom', message: size.fault });
    return z.NEVER;
  });

const payloadSchema = z
  .strictObject({ name: volumeNameSchema, capacity: capacitySchema })
  .transform(({ name, capacity }): Payload => ({ name, capacityBytes: capacity }));

function resultOf(context: Context, expanded: boolean): Record<string, string | number | boolean> {
  return { name: context.payload.name, capacityBytes: context.payload.capacityBytes, expanded };
}

const reserve: Step<Payload, Notes> = {
  name: 'reserve',
  isLocal: true,
  async run(context) {
    const found = await findVolume(context, context.payload.name);
    const { record } = found;
    const has = record.spec.capacityBytes;
    if (context.payload.capacityBytes === has) return { done: resultOf(context, false) };
    if (context.payload.capacityBytes < has) {
      throw new StowageError(
        'shrink-refused',
        `volume ${record.name} has ${formatSize(has)} and cannot shrink to ${formatSize(context.payload.capacityBytes)}`,
        {
          fields: [{ pointer: '/payload/capacity', detail: `more than ${has} bytes` }],
        },
      );
    }
    if (record.place?.backing === 'files') {
      throw new StowageError(
        'operation-unsupported',
        `volume ${record.name} is a directory on NFS: its space is the export's, there is nothing to expand`,
      );
    }
    if (record.holders.some((holder) => holder.access === 'read-only')) throw inUse(record, 'expanded');
    if (record.state !== 'available' && record.state !== 'in-use') {
      throw new StowageError('volume-busy', `volume ${record.name} is ${record.state} and cannot be expanded now`);
    }
    return { notes: { before: record }, records: [put(found, moved(context, record, 'expanding'))] };
  },
};

interface DiskNow {
  readonly path: DatastorePath;
  readonly capacityBytes: number;
}

/**
 * Where a disk lies that no machine holds, and how large it is, as vSphere says. One that was moved is looked for at its new size too:
 * an earlier attempt may have grown it there.
 */
async function findDetached(context: Context, record: VolumeRecord): Promise<DiskNow> {
  const path = record.place?.disk?.path;
  if (path === undefined) throw new StowageError('volume-damaged', `volume ${record.name} has no disk`);
  const entries = await context.dataCentre.files.list(parentPath(path), context.signal);
  const sizeBytes = entries?.find((entry) => path.endsWith(`/${entry.name}`))?.capacityBytes;
  if (sizeBytes !== undefined) return { path, capacityBytes: sizeBytes };
  for (const capacityBytes of [record.spec.capacityBytes, context.payload.capacityBytes]) {
    const elsewhere = await findElsewhere(context, record, capacityBytes);
    if (elsewhere !== undefined) return { path: elsewhere, capacityBytes };
  }
  return { path, capacityBytes: 0 };
}

/** Grows the disk where it lies. */
const grow: Step<Payload, Notes> = {
  name: 'grow',
  applies: ({ notes }) => (notes.before?.holders.length ?? 0) === 0,
  task: { method: 'ExtendVirtualDisk_Task' },
  async run(context) {
    const own = await ownVolume(context, context.payload.name);
    const { capacityBytes } = context.payload;
    const disk = await findDetached(context, own.record);
    if (disk.capacityBytes < capacityBytes) {
      const { disks } = context.dataCentre;
      await withHolderNamed(context, own.record, () =>
        context.task(() => disks.extend({ path: disk.path, capacityBytes }, context.fence)),
      );
    }
    const { events, ...place } = followTo(own.record, disk.path);
    return place.place === undefined ? {} : { records: [put(own, { ...own.record, ...place })], events };
  },
};

/** Grows it through the machine that holds it. */
const growAttached: Step<Payload, Notes> = {
  name: 'grow-attached',
  applies: ({ notes }) => (notes.before?.holders.length ?? 0) > 0,
  task: { method: 'ReconfigVM_Task' },
  async run(context) {
    const { record } = await ownVolume(context, context.payload.name);
    const machine = await findMachine(context, record.holders[0]?.machine ?? '');
    if ((diskIn(machine, record)?.capacityBytes ?? 0) >= context.payload.capacityBytes) return {};
    await withHolderNamed(context, record, () => context.task(() => startInMachine(context, record)));
    return {};
  },
};

async function startInMachine(context: Context, record: VolumeRecord): Promise<TaskRef> {
  const machine = await findMachine(context, record.holders[0]?.machine ?? '');
  const disk = diskIn(machine, record);
  if (disk === undefined) {
    throw new StowageError(
      'volume-damaged',
      `machine ${machine.name} should hold volume ${record.name} and has no such disk: run reconcile.run`,
    );
  }
  const { capacityBytes } = context.payload;
  const spec = { machine: machine.ref, changeVersion: machine.changeVersion, diskKey: disk.key, capacityBytes };
  return context.dataCentre.machines.extend(spec, context.fence);
}

/** The document says the new size before the record does. */
const publish: Step<Payload, Notes> = {
  name: 'publish',
  async run(context) {
    const own = await ownVolume(context, context.payload.name);
    const { place } = own.record;
    const spec = { ...own.record.spec, capacityBytes: context.payload.capacityBytes };
    if (place !== undefined) {
      const document = await readDocument(context.dataCentre.files, place.home, context.signal);
      if (document === undefined)
        throw new StowageError('volume-damaged', `volume ${own.record.name} has lost its document`);
      await context.dataCentre.files.write(
        documentPathOf(place.home),
        encodeDocument({ ...document, spec, ...(place.disk === undefined ? {} : { disk: place.disk }) }),
        context.fence,
      );
    }
    return {
      records: [put(own, moved(context, own.record, own.record.holders.length > 0 ? 'in-use' : 'available', { spec }))],
      events: [
        { type: 'volume.expanded', subject: `volume:${own.record.name}`, data: { capacityBytes: spec.capacityBytes } },
      ],
    };
  },
};

export const volumeExpand: AnyKind = defineKind<Payload, Notes>({
  kind: 'volume.expand',
  summary: 'Makes a volume larger, attached or not. The file system in it is grown by the guest.',
  role: 'operator',
  lane: 'default',
  payload: payloadSchema,
  result: z.object({
    name: z.string(),
    capacityBytes: z.number(),
    expanded: z.boolean().describe('false: it had that size already'),
  }),
  resources: (payload) => [volumeLine(payload.name)],
  joins: true,
  retry: { maxAttempts: 6, baseMs: 500, capMs: 20_000 },
  deadlineMs: 30 * 60 * 1_000,
  steps: [reserve, grow, growAttached, publish],
  finish: (context) => resultOf(context, true),
  // A disk that has grown cannot shrink: the record and the document keep the old size, and a redrive finds the rest done.
  async abandon(context, error) {
    const found = await context.records.read('volume', context.payload.name);
    const { before } = context.notes;
    if (found === undefined || before === undefined || found.record.job !== context.jobId) return {};
    return {
      records: [put(found, { ...before, updatedAt: context.now(), job: context.jobId })],
      events: [
        { type: 'volume.failed', subject: `volume:${before.name}`, data: { code: error.code, message: error.message } },
      ],
    };
  },
});
