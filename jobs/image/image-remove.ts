import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import type { DatastorePath, JobId } from '../../core/ids.ts';
import type { ImageName, ImageRecord } from '../../core/image.ts';
import { type Digest, familiarReference, type ImageReference, partsOf, shortId } from '../../core/reference.ts';
import { abandonChildren, endedChildren } from '../children.ts';
import { shortContainerId } from '../container/find.ts';
import { containersOfImage } from '../container/users.ts';
import { type AnyKind, defineKind, type Step, type StepContext, type StepResult } from '../define.ts';
import { noted } from '../noted.ts';
import { ignoreMissing } from '../volume/ignore-missing.ts';
import { digestSchema, encode, referenceSchema } from './documents.ts';
import { readAll } from '../read-all.ts';
import { documentOf, findImage, put, theImage } from './image-of.ts';
import { imageDocumentPath, imageHome, imageLine, imageStoreOf } from './place.ts';

// Removing goes the other way round: the document first says `deleting`, then the directory goes, then the record, then the layers that
// nothing else needs. With a name it is only that name, unless it was the last one.

const payloadSchema = z.strictObject({
  image: digestSchema,
  reference: referenceSchema.optional().describe('Only this name goes, and the image with the last one'),
  force: z
    .boolean()
    .optional()
    .describe(
      'Without a reference: also when the image has names of several repositories. With its last one: only the name goes when containers have the image',
    ),
  unfinished: z.boolean().optional().describe('Only what is left of an image that was never made, or is half gone'),
});
interface Payload {
  readonly image: Digest;
  readonly reference?: ImageReference;
  readonly force?: boolean;
  readonly unfinished?: boolean;
}
interface Notes {
  readonly home: DatastorePath;
  readonly before: ImageRecord | null;
  readonly names: readonly ImageName[];
  readonly untagged: readonly ImageReference[];
  readonly isWhole: boolean;
  readonly releases: readonly JobId[];
  readonly layers: readonly Digest[];
}
type Context = StepContext<Payload, Notes>;

const repositoryOf = (reference: ImageReference): string => {
  const { registry, repository } = partsOf(reference);
  return `${registry}/${repository}`;
};

/** As Docker does: with the last tag of a repository its digests go, too. */
function namesAfter(names: readonly ImageName[], reference: ImageReference | undefined): readonly ImageName[] {
  if (reference === undefined) return [];
  const left = names.filter((name) => name.reference !== reference);
  const repository = repositoryOf(reference);
  const hasTag = left.some(
    (name) => repositoryOf(name.reference) === repository && partsOf(name.reference).digest === undefined,
  );
  if (hasTag || partsOf(reference).digest !== undefined) return left;
  return left.filter((name) => repositoryOf(name.reference) !== repository);
}

/** Docker's words for what is refused. */
function wishOf({ image, reference }: Payload): string {
  return reference === undefined
    ? `delete ${shortId(image)}`
    : `remove repository reference "${familiarReference(reference)}"`;
}

/** With dockerd's texts; but force cannot take an image from a container here: its layers are disks of the machine. */
async function refuseContainers(context: Context): Promise<void> {
  const { image, reference } = context.payload;
  const [user] = await containersOfImage(context, image);
  if (user === undefined) return;
  const [own, id] = [shortContainerId(user.name), shortId(image)];
  const isStopped = ['creating', 'created', 'exited', 'dead', 'removing'].includes(user.state);
  const reason =
    reference === undefined
      ? `(cannot be forced) - image is being used by ${isStopped ? 'stopped' : 'running'} container ${own}`
      : `(must force) - container ${own} is using its referenced image ${id}`;
  throw new StowageError('image-in-use', `conflict: unable to ${wishOf(context.payload)} ${reason}`, {
    holder: `container ${own}`,
  });
}

/** Machines that somebody gave its layers to. */
async function refuseMachines(context: Context, record: ImageRecord): Promise<void> {
  const others = new Set(
    (await readAll(context, 'image'))
      .filter((each) => each.record.name !== record.name)
      .flatMap((each) => each.record.layers.map(({ diffId }) => diffId)),
  );
  const own = record.layers.map(({ diffId }) => diffId).filter((diffId) => !others.has(diffId));
  const found = await Promise.all(own.map((diffId) => context.records.read('layer', diffId)));
  const paths = found.flatMap((each) => (each?.record.disk === undefined ? [] : [each.record.disk.path]));
  if (paths.length === 0) return;
  const [holder] = await context.dataCentre.machines.findByDisk({ paths }, context.signal);
  if (holder === undefined) return;
  const name = `${holder.name} (${holder.machine})`;
  throw new StowageError(
    'image-in-use',
    `conflict: unable to ${wishOf(context.payload)} (cannot be forced) - machine ${name} is using its referenced image ${shortId(record.name)}`,
    { holder: name },
  );
}

const reserve: Step<Payload, Notes> = {
  name: 'reserve',
  async run(context) {
    const { image, reference, force, unfinished } = context.payload;
    if (unfinished === true) {
      const rest = await findImage(context, image);
      if (rest?.record.state === 'available') return { done: { image, untagged: [], deleted: [] } };
      if (rest === undefined) return { notes: nothingOf(imageHome(imageStoreOf(context.world), image)) };
    }
    const found = await theImage(context, image);
    const { record } = found;
    if (reference !== undefined && !record.names.some((name) => name.reference === reference))
      throw new StowageError('image-not-found', `image ${shortId(image)} has no name ${familiarReference(reference)}`);
    const repositories = new Set(record.names.map((name) => repositoryOf(name.reference)));
    if (reference === undefined && repositories.size > 1 && force !== true) {
      const list = record.names.map((name) => familiarReference(name.reference)).join(', ');
      const message = `image ${shortId(image)} has names of several repositories (${list}): remove them one by one, or force it`;
      throw new StowageError('image-in-use', message);
    }
    const names = namesAfter(record.names, reference);
    const isWhole = names.length === 0 && !(await isOnlyNameWanted(context));
    if (isWhole) {
      await refuseContainers(context);
      await refuseMachines(context, record);
    }
    const untagged = record.names
      .map((name) => name.reference)
      .filter((each) => names.every((name) => name.reference !== each));
    const next: ImageRecord = isWhole
      ? { ...record, state: 'deleting', updatedAt: context.now(), job: context.jobId }
      : { ...record, names, updatedAt: context.now(), job: context.jobId };
    return {
      notes: {
        home: record.home,
        before: record,
        names,
        untagged,
        isWhole,
        layers: [...new Set(record.layers.map(({ diffId }) => diffId))],
      },
      records: [put(found, next)],
      events: isWhole ? [] : untaggedEvents(image, untagged),
    };
  },
};

/** As dockerd: a name is taken by force from an image that containers have, and the image stays without. */
async function isOnlyNameWanted(context: Context): Promise<boolean> {
  const { image, reference, force } = context.payload;
  return reference !== undefined && force === true && (await containersOfImage(context, image)).length > 0;
}

/** A directory without a document. */
function nothingOf(home: DatastorePath): Partial<Notes> {
  return { home, before: null, names: [], untagged: [], isWhole: true, layers: [] };
}

function untaggedEvents(image: Digest, names: readonly ImageReference[]): NonNullable<StepResult<Notes>['events']> {
  return names.map((name) => ({ type: 'image.untagged', subject: imageLine(image), data: { name } }) as const);
}

const isWhole = (context: Context): boolean => context.notes.isWhole === true;

/** A container that was reserved just before the image was: it comes first. */
const recheck: Step<Payload, Notes> = {
  name: 'recheck',
  isLocal: true,
  applies: isWhole,
  async run(context) {
    if (context.payload.unfinished !== true) await refuseContainers(context);
    return {};
  },
};

const document: Step<Payload, Notes> = {
  name: 'document',
  async run(context) {
    const found = await findImage(context, context.payload.image);
    if (found === undefined) return {};
    const { record } = found;
    const state = noted(context.notes.isWhole) ? 'deleting' : 'available';
    const next = { ...record, names: noted(context.notes.names), job: context.jobId };
    await context.dataCentre.files.write(
      imageDocumentPath(record.home),
      encode(documentOf(next, state)),
      context.fence,
    );
    return {};
  },
  async undo(context) {
    const { before } = context.notes;
    if (before?.state !== 'available') return;
    const entries = await context.dataCentre.files.list(before.home, context.signal);
    if (entries === undefined || entries.length === 0) return;
    await context.dataCentre.files.write(imageDocumentPath(before.home), encode(documentOf(before)), context.fence);
  },
};

const directory: Step<Payload, Notes> = {
  name: 'directory',
  applies: isWhole,
  task: { method: 'DeleteDatastoreFile_Task' },
  async probe(context) {
    const isGone = (await context.dataCentre.files.list(noted(context.notes.home), context.signal)) === undefined;
    return isGone ? forgotten(context) : undefined;
  },
  async run(context) {
    const home = noted(context.notes.home);
    await ignoreMissing(context.task(() => context.dataCentre.files.remove(home, context.fence)));
    return forgotten(context);
  },
};

async function forgotten(context: Context): Promise<StepResult<Notes>> {
  const { image } = context.payload;
  const found = await context.records.read('image', image);
  const events = [
    ...untaggedEvents(image, noted(context.notes.untagged)),
    { type: 'image.removed', subject: imageLine(image), data: {} } as const,
  ];
  if (found === undefined) return { events };
  return { records: [{ op: 'remove', type: 'image', name: image, expectedRev: found.rev }], events };
}

/** The image's record is gone by now: each layer decides in its own line. */
const layers: Step<Payload, Notes> = {
  name: 'layers',
  applies: isWhole,
  async run(context) {
    const releases = context.notes.releases ?? (await release(context));
    const jobs = await endedChildren(context, releases);
    if (jobs === undefined) return { notes: { releases }, awaits: releases };
    const removed = jobs.filter((job) => job.result?.['removed'] === true);
    const gone = new Set(removed.map((job) => job.payload['diffId']));
    return { notes: { releases, layers: noted(context.notes.layers).filter((diffId) => gone.has(diffId)) } };
  },
};

async function release(context: Context): Promise<readonly JobId[]> {
  const ids: JobId[] = [];
  for (const diffId of noted(context.notes.layers)) ids.push((await context.submit('layer.release', { diffId })).id);
  return ids;
}

export const imageRemove: AnyKind = defineKind<Payload, Notes>({
  kind: 'image.remove',
  summary: 'Takes a name from an image, or removes it whole; a layer goes with the last image that has it.',
  role: 'operator',
  lane: 'default',
  payload: payloadSchema as unknown as z.ZodType<Payload>,
  result: z.object({
    image: z.string(),
    untagged: z.array(z.string()).describe('Names that it had'),
    deleted: z.array(z.string()).describe('The image and the layers that are gone; empty when other names are left'),
  }),
  resources: ({ image }) => [imageLine(image)],
  joins: true,
  retry: { maxAttempts: 6, baseMs: 300, capMs: 20_000 },
  deadlineMs: 60 * 60 * 1_000,
  steps: [reserve, recheck, document, directory, layers],
  finish: ({ payload, notes }) => ({
    image: payload.image,
    untagged: [...noted(notes.untagged)],
    deleted: notes.isWhole === true ? [payload.image, ...noted(notes.layers)] : [],
  }),
  async abandon(context) {
    await abandonChildren(context, context.notes.releases ?? []);
    const found = await context.records.read('image', context.payload.image);
    const { before } = context.notes;
    if (found === undefined || !before || found.record.job !== context.jobId) return {};
    const document = await findDocument(context, before);
    return document ? { records: [put(found, { ...before, updatedAt: context.now(), job: context.jobId })] } : {};
  },
});

async function findDocument(context: Context, before: ImageRecord): Promise<boolean> {
  const bytes = await context.dataCentre.files
    .read(imageDocumentPath(before.home), context.signal)
    .catch(() => undefined);
  return bytes !== undefined;
}
