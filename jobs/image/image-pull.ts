import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import { type JobId, resourceKey } from '../../core/ids.ts';
import type { ImageLayer, ImageRecord, Platform } from '../../core/image.ts';
import type { FetchedDocument } from '../../core/ports/registry.ts';
import {
  canonicalReference,
  type Digest,
  type ImageReference,
  parseReference,
  REFERENCE_PATTERN,
  type ReferenceParts,
} from '../../core/reference.ts';
import { abandonChildren, endedChildren } from '../children.ts';
import { type AnyKind, defineKind, type Step, type StepContext } from '../define.ts';
import { noted } from '../noted.ts';
import type { LayerPullPayload } from './layer-job.ts';

// A pull: the manifest, then a child for each layer, then a child that makes the image. It waits for its children without a worker.

const MAX_DOCUMENT_BYTES = 1_048_576;

export const referenceInput = z
  .string()
  .max(500)
  .meta({ pattern: REFERENCE_PATTERN, description: '`[registry/]repository[:tag][@digest]`' })
  .transform((text, context): ReferenceParts => {
    const parts = parseReference(text);
    if (typeof parts !== 'string') return parts;
    context.addIssue({ code: 'custom', message: parts });
    return z.NEVER;
  });

const platformInput = z
  .string()
  .regex(/^[a-z0-9]+\/[a-z0-9_]+(?:\/[a-z0-9.]+)?$/, 'must be os/architecture or os/architecture/variant')
  .describe('Which image of an index; the configured one when it is left out')
  .transform((text): Platform => {
    const [os = '', architecture = '', variant] = text.split('/');
    return { os, architecture, ...(variant === undefined ? {} : { variant }) };
  });

const payloadSchema = z.strictObject({
  reference: referenceInput,
  platform: platformInput.optional(),
  credentials: z
    .string()
    .max(100)
    .optional()
    .describe('The ticket of credentials that the submitting process holds; those of the configuration otherwise'),
});
interface Payload {
  readonly reference: ReferenceParts;
  readonly platform?: Platform;
  readonly credentials?: string;
}

/** As a job shows it: `job` is the child that makes it, or is going to; `isThere`: nothing is fetched. */
interface LayerNote extends ImageLayer {
  readonly isThere: boolean;
  readonly job: JobId;
}
interface Notes {
  readonly image: Digest;
  /** Of what the name stands for: the index, where it is one. */
  readonly digest: Digest;
  readonly manifest: ImageRecord['manifest'];
  readonly manifestText: string;
  readonly configText: string;
  readonly layers: readonly LayerNote[];
  readonly isUpToDate: boolean;
  /** The child that makes the image. */
  readonly adding: JobId;
  readonly isSubmitted: boolean;
}

type Context = StepContext<Payload, Notes>;

function textOf(document: FetchedDocument, what: string): string {
  if (document.bytes.length <= MAX_DOCUMENT_BYTES) return Buffer.from(document.bytes).toString('utf8');
  throw new StowageError('image-unsupported', `the ${what} of the image has more than 1 MiB`);
}

/** The names that the image gets: the one that was asked for, and the repository with the digest. */
function namesOf(reference: ReferenceParts, digest: Digest): readonly ImageReference[] {
  const { registry, repository, tag } = reference;
  const byDigest = canonicalReference({ registry, repository, digest });
  if (reference.digest !== undefined) return [byDigest];
  return [canonicalReference({ registry, repository, ...(tag === undefined ? {} : { tag }) }), byDigest];
}

const resolve: Step<Payload, Notes> = {
  name: 'resolve',
  async run(context) {
    const { payload, images, signal, world } = context;
    const credentials =
      payload.credentials === undefined ? undefined : await images.credentials.ask(payload.credentials, signal);
    const call = { signal, ...(credentials === undefined ? {} : { credentials }) };
    const found = await images.registry.resolve(payload.reference, payload.platform ?? world.platform, call);
    const image = found.config.digest;
    const jobs = new Map(found.layers.map(({ diffId }) => [diffId, context.newJobId()]));
    const [known, ...layers] = await Promise.all([
      context.records.read('image', image),
      ...found.layers.map(async (layer): Promise<LayerNote> => {
        const there = await context.records.read('layer', layer.diffId);
        const job = noted(jobs.get(layer.diffId));
        return { ...layer, isThere: there?.record.state === 'available', job };
      }),
    ]);
    const names = namesOf(payload.reference, found.digest);
    return {
      notes: {
        image,
        digest: found.digest,
        manifest: {
          digest: found.manifest.digest,
          mediaType: found.manifest.mediaType,
          sizeBytes: found.manifest.bytes.length,
        },
        manifestText: textOf(found.manifest, 'manifest'),
        configText: textOf(found.config, 'configuration'),
        layers,
        adding: context.newJobId(),
        isUpToDate:
          known?.record.state === 'available' &&
          names.every((name) => known.record.names.some(({ reference }) => reference === name)),
      },
    };
  },
};

/** A child for each layer, also for one that is there: it puts this pull's pin on it, so that the layer stays. */
const layers: Step<Payload, Notes> = {
  name: 'layers',
  async run(context) {
    const { notes } = context;
    const layers = notes.isSubmitted === true ? noted(notes.layers) : await submitLayers(context);
    const result = { notes: { layers, isSubmitted: true } };
    const ids = childrenOf(layers);
    return (await endedChildren(context, ids)) === undefined ? { ...result, awaits: ids } : result;
  },
};

async function submitLayers({ payload, notes, jobId, submit }: Context): Promise<readonly LayerNote[]> {
  const jobs = new Map<Digest, JobId>();
  for (const { diffId, blob, job } of noted(notes.layers)) {
    if (jobs.has(diffId)) continue;
    const child: LayerPullPayload = {
      diffId,
      blob,
      registry: payload.reference.registry,
      repository: payload.reference.repository,
      pull: jobId,
      ...(payload.credentials === undefined ? {} : { credentials: payload.credentials }),
    };
    jobs.set(diffId, (await submit('layer.pull', child, job)).id);
  }
  return noted(notes.layers).map((note) => ({ ...note, job: noted(jobs.get(note.diffId)) }));
}

function childrenOf(notes: readonly LayerNote[]): readonly JobId[] {
  return [...new Set(notes.map(({ job }) => job))];
}

const publish: Step<Payload, Notes> = {
  name: 'publish',
  async run(context) {
    const { notes, payload, jobId } = context;
    const child = {
      image: noted(notes.image),
      references: [...namesOf(payload.reference, noted(notes.digest))],
      layers: noted(notes.layers).map(({ diffId, blob }) => ({ diffId, blob })),
      manifest: noted(notes.manifest),
      manifestText: noted(notes.manifestText),
      configText: noted(notes.configText),
      pull: jobId,
    };
    const { id } = await context.submit('image.add', child, noted(notes.adding));
    return (await endedChildren(context, [id])) === undefined ? { awaits: [id] } : {};
  },
};

export const imagePull: AnyKind = defineKind<Payload, Notes>({
  kind: 'image.pull',
  summary: 'Pulls an image from a registry: each layer becomes a read-only disk on the image datastore, once.',
  role: 'operator',
  lane: 'default',
  payload: payloadSchema as unknown as z.ZodType<Payload>,
  result: z.object({
    image: z.string().describe('The id: the digest of its configuration'),
    reference: z.string(),
    digest: z.string().describe('Of the manifest, or of the index'),
    status: z.enum(['downloaded', 'up-to-date']),
  }),
  check: (_, world) =>
    world.imageStore === undefined
      ? [{ pointer: '', detail: 'there is no image store: STOWAGE_IMAGE_STORE is not set' }]
      : [],
  resources: ({ reference }) => [resourceKey('pull', canonicalReference(reference))],
  joins: true,
  retry: { maxAttempts: 4, baseMs: 300, capMs: 5_000 },
  deadlineMs: 6 * 60 * 60 * 1_000,
  steps: [resolve, layers, publish],
  finish: ({ payload, notes }) => ({
    image: noted(notes.image),
    reference: canonicalReference(payload.reference),
    digest: noted(notes.digest),
    status: notes.isUpToDate === true ? 'up-to-date' : 'downloaded',
  }),
  /** What it had fetched for itself alone goes. */
  async abandon(context) {
    const { layers: notes = [], adding } = context.notes;
    await abandonChildren(context, [...childrenOf(notes), ...(adding === undefined ? [] : [adding])]);
    for (const diffId of new Set(notes.map((note) => note.diffId)))
      await context.submit('layer.release', { diffId, ignoring: context.jobId });
    return {};
  },
});
