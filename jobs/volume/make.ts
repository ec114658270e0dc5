import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import type { VolumeRecord, VolumeSpec } from '../../core/volume.ts';
import { type AnyKind, defineKind, type Step } from '../define.ts';
import { noted } from '../noted.ts';
import { copyDisk, copyFiles, createDisk } from './make-disk.ts';
import { publish, takeHome } from './make-home.ts';
import type { MakeContext, MakeNotes, MakeResult } from './make-notes.ts';
import { checkStore, DEFAULT_CAPACITY_BYTES, type VolumeRequest } from './options.ts';
import { choosePlace, dataPathOf, storeNamed } from './place.ts';
import { explainDifference } from './spec.ts';
import { findVolume, nameHolders, put, resultOf, volumeLine } from './volume-of.ts';

// Making a volume, empty or as a clone. The document goes first as `creating` (this directory is ours), then the disk, then the
// document again as `available`: the done-marker. A crash in between leaves a directory that says whose it is.

const volumeResult = z.object({
  name: z.string(),
  capacityBytes: z.number(),
  store: z.string(),
  datastore: z.string(),
  path: z.string(),
  created: z.boolean().describe('false: it was there already, with the same specification'),
});

async function specOf(
  context: MakeContext,
  there: VolumeRecord | undefined,
): Promise<{ readonly spec: VolumeSpec; readonly notes: Partial<MakeNotes> }> {
  const { payload } = context;
  const base = { store: payload.store, access: payload.access, labels: payload.labels };
  if (payload.cloneFrom === undefined) {
    return {
      spec: {
        ...base,
        capacityBytes: payload.capacityBytes ?? DEFAULT_CAPACITY_BYTES,
        diskFormat: payload.diskFormat ?? 'thin',
        fileSystem: payload.fileSystem ?? 'ext4',
      },
      notes: {},
    };
  }
  if (there !== undefined && there.spec.cloneFrom === payload.cloneFrom && !isHalfMade(there)) {
    // Made already: its source may be gone by now, or in use, or of another size.
    return { spec: { ...there.spec, ...base, diskFormat: payload.diskFormat ?? there.spec.diskFormat }, notes: {} };
  }
  const source = (await findVolume(context, payload.cloneFrom)).record;
  const writers = source.holders.filter((each) => each.access === 'read-write');
  if (writers.length > 0) {
    const holder = nameHolders(writers);
    const message = `volume ${source.name} is being written by ${holder}: a copy of it now would be torn. Detach it first`;
    throw new StowageError('volume-in-use', message, { holder });
  }
  if (source.state !== 'available' && source.state !== 'in-use') {
    throw new StowageError('volume-busy', `volume ${source.name} is ${source.state}: it cannot be copied now`);
  }
  return {
    spec: {
      ...base,
      capacityBytes: source.spec.capacityBytes,
      diskFormat: payload.diskFormat ?? source.spec.diskFormat,
      fileSystem: source.spec.fileSystem,
      cloneFrom: source.name,
    },
    notes:
      source.place?.backing === 'files'
        ? { sourceData: dataPathOf(source.place.home) }
        : source.place?.disk === undefined
          ? {}
          : { sourceDisk: source.place.disk.path },
  };
}

function isHalfMade(record: VolumeRecord): boolean {
  return record.state === 'creating' || (record.state === 'failed' && record.failure?.during === 'creating');
}

/** A record of the name: the same volume, made; or false, one half made that is to be finished. @throws `volume-exists`, `volume-busy` */
function isThere(record: VolumeRecord, spec: VolumeSpec): boolean {
  if (isHalfMade(record)) {
    // What is there would stay behind if it were finished elsewhere.
    if (record.spec.store === spec.store) return false;
    throw new StowageError(
      'volume-exists',
      `volume ${record.name} is half made in the store "${record.spec.store}": create it there, or remove it first`,
    );
  }
  const difference = explainDifference(record.spec, spec);
  if (difference !== undefined)
    throw new StowageError('volume-exists', `volume ${record.name} exists with another specification: ${difference}`);
  if (record.state === 'deleting' || record.state === 'failed') {
    throw new StowageError(
      'volume-busy',
      `volume ${record.name} is being removed (by job ${record.job ?? 'unknown'}): wait for that, or redrive it`,
    );
  }
  return true;
}

/** Decides whether there is anything to make, and where. */
const reserve: Step<VolumeRequest, MakeNotes> = {
  name: 'reserve',
  isLocal: true,
  async run(context): Promise<MakeResult> {
    const { name } = context.payload;
    const before = await context.records.read('volume', name);
    const { spec, notes } = await specOf(context, before?.record);
    if (before !== undefined && isThere(before.record, spec)) return { done: resultOf(before.record, false) };
    const place =
      before?.record.place ?? (await choosePlace(context, storeNamed(context, spec.store), name, spec.capacityBytes));
    if (spec.cloneFrom !== undefined && (place.backing === 'files') !== (notes.sourceData !== undefined)) {
      throw new StowageError(
        'operation-unsupported',
        `volume ${spec.cloneFrom} and the store "${spec.store}" are of different kinds (disk and directory): choose a store of the source's kind`,
      );
    }
    const now = context.now();
    const record: VolumeRecord = {
      type: 'volume',
      name,
      state: 'creating',
      spec,
      place,
      holders: [],
      createdAt: now,
      updatedAt: now,
      job: context.jobId,
    };
    return {
      notes: { ...notes, spec, place, createdAt: now },
      records: [{ op: 'put', record, expectedRev: before?.rev ?? 0 }],
    };
  },
};

/** Both ways to make a volume: the payload differs, the steps do not. */
export function volumeMaker(way: {
  readonly kind: string;
  readonly summary: string;
  readonly payload: z.ZodType<VolumeRequest>;
}): AnyKind {
  return defineKind<VolumeRequest, MakeNotes>({
    ...way,
    role: 'operator',
    lane: 'default',
    result: volumeResult,
    check: checkStore,
    resources: (request) => [
      volumeLine(request.name),
      ...(request.cloneFrom === undefined ? [] : [volumeLine(request.cloneFrom)]),
    ],
    joins: true,
    retry: { maxAttempts: 6, baseMs: 500, capMs: 20_000 },
    deadlineMs: 60 * 60 * 1_000,
    steps: [reserve, takeHome, createDisk, copyDisk, copyFiles, publish],
    finish: (context) =>
      resultOf(
        { name: context.payload.name, spec: noted(context.notes.spec), place: noted(context.notes.place) },
        true,
      ),
    async abandon(context, error, undone) {
      const found = await context.records.read('volume', context.payload.name);
      if (found === undefined || found.record.job !== context.jobId || context.notes.place === undefined) return {};
      const failed = {
        ...found.record,
        state: 'failed' as const,
        failure: { during: 'creating' as const, message: error.message },
        updatedAt: context.now(),
      };
      return {
        records: undone
          ? [{ op: 'remove', type: 'volume', name: found.record.name, expectedRev: found.rev }]
          : [put(found, failed)],
        events: [
          {
            type: 'volume.failed',
            subject: `volume:${found.record.name}`,
            data: { code: error.code, message: error.message },
          },
        ],
      };
    },
  });
}
