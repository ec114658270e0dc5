import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import { type JobId, JOB_ID_FORM, parseJobId } from '../../core/ids.ts';
import type { LayerRecord } from '../../core/image.ts';
import type { Digest } from '../../core/reference.ts';
import { branded } from '../branded.ts';
import { type AnyKind, defineKind, type Step, type StepContext, type StepResult } from '../define.ts';
import { ignoreMissing } from '../volume/ignore-missing.ts';
import { digestSchema, encode, readUndamaged } from './documents.ts';
import { reasonOfImages } from './layer-users.ts';
import { openPin } from './pins.ts';
import { imageStoreOf, layerDocumentPath, layerHome, layerLine } from './place.ts';

// A layer goes when no image lists it, no open pull wants it and no machine has its disk. Whoever takes an image away takes its record
// away first, and a pull pins its layers before it makes its image: what is seen here in the layer's own line is decided for good.

const payloadSchema = z.strictObject({
  diffId: digestSchema,
  ignoring: branded(parseJobId, 'is not the id of a job', JOB_ID_FORM)
    .optional()
    .describe('A pull, or its `image.add`, that does not count: it gives up'),
});
interface Payload {
  readonly diffId: Digest;
  readonly ignoring?: JobId;
}
interface Notes {
  readonly before: LayerRecord | null;
}
type Context = StepContext<Payload, Notes>;

const KEPT = (diffId: Digest, reason: string) => ({ diffId, removed: false, reason });

/** Why it stays, or undefined. */
async function reasonToKeep(context: Context, record: LayerRecord | undefined): Promise<string | undefined> {
  const { diffId, ignoring } = context.payload;
  const reason = await reasonOfImages(context, diffId);
  if (reason !== undefined) return reason;
  for (const pin of record?.pins ?? []) {
    const open = await openPin(context, pin, ignoring);
    if (open !== undefined) return `job ${open} pulls an image that has it`;
  }
  // Redis may have forgotten the layer, and a machine has it all the same.
  const path = (record ?? (await readUndamaged(context.dataCentre.files, homeOf(context), context.signal)))?.disk?.path;
  if (path === undefined) return undefined;
  const [holder] = await context.dataCentre.machines.findByDisk({ paths: [path] }, context.signal);
  return holder === undefined ? undefined : `machine ${holder.name} (${holder.machine}) has its disk`;
}

const reserve: Step<Payload, Notes> = {
  name: 'reserve',
  async run(context) {
    const { diffId } = context.payload;
    const found = await context.records.read('layer', diffId);
    const reason = await reasonToKeep(context, found?.record);
    if (reason !== undefined) return { done: KEPT(diffId, reason) };
    if (found === undefined) {
      const isThere = (await context.dataCentre.files.list(homeOf(context), context.signal)) !== undefined;
      return isThere ? { notes: { before: null } } : { done: KEPT(diffId, 'it is not there') };
    }
    const record: LayerRecord = { ...found.record, state: 'deleting', updatedAt: context.now(), job: context.jobId };
    return { notes: { before: found.record }, records: [{ op: 'put', record, expectedRev: found.rev }] };
  },
};

/** Where it was made: the configuration may name another place by now. */
const homeOf = (context: Context) =>
  context.notes.before?.home ?? layerHome(imageStoreOf(context.world), context.payload.diffId);

/** From here on it is no layer any more, whatever is left of it. */
const mark: Step<Payload, Notes> = {
  name: 'mark',
  async run(context) {
    const { files } = context.dataCentre;
    const document = await readUndamaged(files, homeOf(context), context.signal);
    if (document !== undefined && document.state !== 'deleting')
      await files.write(layerDocumentPath(homeOf(context)), encode({ ...document, state: 'deleting' }), context.fence);
    return {};
  },
};

const directory: Step<Payload, Notes> = {
  name: 'directory',
  task: { method: 'DeleteDatastoreFile_Task' },
  async probe(context) {
    const isGone = (await context.dataCentre.files.list(homeOf(context), context.signal)) === undefined;
    return isGone ? forgotten(context) : undefined;
  },
  async run(context) {
    const { files } = context.dataCentre;
    await ignoreMissing(context.task(() => files.remove(homeOf(context), context.fence)));
    return forgotten(context);
  },
};

async function forgotten(context: Context): Promise<StepResult<Notes>> {
  const { diffId } = context.payload;
  const found = await context.records.read('layer', diffId);
  if (found === undefined) return {};
  if (found.record.job !== context.jobId)
    throw new StowageError('record-stale', `layer ${diffId} was taken up by job ${found.record.job ?? 'unknown'}`);
  return {
    records: [{ op: 'remove', type: 'layer', name: diffId, expectedRev: found.rev }],
    events: [{ type: 'layer.removed', subject: layerLine(diffId), data: { path: found.record.disk?.path ?? '' } }],
  };
}

export const layerRelease: AnyKind = defineKind<Payload, Notes>({
  kind: 'layer.release',
  summary: 'Removes a layer that nothing needs any more; one that something needs stays. Submitted by image jobs.',
  role: 'admin',
  lane: 'default',
  payload: payloadSchema as unknown as z.ZodType<Payload>,
  result: z.object({ diffId: z.string(), removed: z.boolean(), reason: z.string().optional() }),
  resources: ({ diffId }) => [layerLine(diffId)],
  joins: true,
  retry: { maxAttempts: 6, baseMs: 300, capMs: 20_000 },
  deadlineMs: 30 * 60 * 1_000,
  steps: [reserve, mark, directory],
  finish: ({ payload }) => ({ diffId: payload.diffId, removed: true }),
});
