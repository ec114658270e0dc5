import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import { canonicalReference, type Digest, type ImageReference, type ReferenceParts } from '../../core/reference.ts';
import { type AnyKind, defineKind, type Step, type StepContext } from '../define.ts';
import { noted } from '../noted.ts';
import { digestSchema, encode, referenceSchema } from './documents.ts';
import { documentOf, findImage, put, takeNames, theImage, withNames } from './image-of.ts';
import { referenceInput } from './image-pull.ts';
import { imageDocumentPath, imageLine } from './place.ts';

interface TagPayload {
  readonly image: Digest;
  readonly reference: ReferenceParts;
}
interface TagNotes {
  readonly at: number;
}

/** The time of the name is noted before it is given, so that a second run gives the same. */
const stamp: Step<TagPayload, TagNotes> = {
  name: 'stamp',
  isLocal: true,
  run: async (context) => ({ notes: { at: context.fence.epoch } }),
};

const name: Step<TagPayload, TagNotes> = {
  name: 'name',
  async run(context) {
    const { image } = context.payload;
    const reference = canonicalReference(context.payload.reference);
    const found = await theImage(context, image);
    if (found.record.state !== 'available')
      throw new StowageError('image-busy', `image ${image} is ${found.record.state}`);
    const record = {
      ...found.record,
      names: withNames(found.record.names, [reference], noted(context.notes.at)),
      updatedAt: context.now(),
      job: context.jobId,
    };
    await context.dataCentre.files.write(imageDocumentPath(record.home), encode(documentOf(record)), context.fence);
    return {
      records: [put(found, record)],
      events: [{ type: 'image.tagged', subject: imageLine(image), data: { name: reference } }],
    };
  },
};

const others: Step<TagPayload, TagNotes> = {
  name: 'others',
  async run(context) {
    const reference = canonicalReference(context.payload.reference);
    await takeNames(context, context.payload.image, [reference], noted(context.notes.at));
    return {};
  },
};

const tagPayload = z
  .strictObject({ image: digestSchema, reference: referenceInput })
  .refine(({ reference }) => reference.digest === undefined, {
    path: ['reference'],
    message: 'a name with a digest cannot be given: the digest is the image’s own',
  });

export const imageTag: AnyKind = defineKind<TagPayload, TagNotes>({
  kind: 'image.tag',
  summary: 'Gives an image a name; another image that had it loses it.',
  role: 'operator',
  lane: 'default',
  payload: tagPayload,
  result: z.object({ image: z.string(), reference: z.string() }),
  resources: ({ image }) => [imageLine(image)],
  joins: true,
  retry: { maxAttempts: 6, baseMs: 300, capMs: 10_000 },
  deadlineMs: 10 * 60 * 1_000,
  steps: [stamp, name, others],
  finish: ({ payload }) => ({ image: payload.image, reference: canonicalReference(payload.reference) }),
});

interface UntagPayload {
  readonly image: Digest;
  readonly reference: ImageReference;
  readonly at: number;
}

/** The name is another image's now; one that was given later stays. */
const untag: Step<UntagPayload, Record<string, never>> = {
  name: 'untag',
  async run(context: StepContext<UntagPayload, Record<string, never>>) {
    const { image, reference, at } = context.payload;
    const found = await findImage(context, image);
    const names = found?.record.names.filter((each) => each.reference !== reference || each.at >= at);
    if (found?.record.state !== 'available' || names === undefined || names.length === found.record.names.length)
      return {};
    const record = { ...found.record, names, updatedAt: context.now(), job: context.jobId };
    await context.dataCentre.files.write(imageDocumentPath(record.home), encode(documentOf(record)), context.fence);
    return { records: [put(found, record)] };
  },
};

export const imageUntag: AnyKind = defineKind<UntagPayload, Record<string, never>>({
  kind: 'image.untag',
  summary: 'Takes a name from an image that another image has now. Submitted by image jobs.',
  role: 'admin',
  lane: 'default',
  payload: z.strictObject({
    image: digestSchema,
    reference: referenceSchema,
    at: z.number(),
  }),
  result: z.object({ image: z.string(), reference: z.string() }),
  resources: ({ image }) => [imageLine(image)],
  joins: true,
  retry: { maxAttempts: 6, baseMs: 300, capMs: 10_000 },
  deadlineMs: 10 * 60 * 1_000,
  steps: [untag],
  finish: ({ payload }) => ({ image: payload.image, reference: payload.reference }),
});
