import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import type { ImageRecord, LayerRecord } from '../../core/image.ts';
import { DIGEST_PATTERN, parseDigest } from '../../core/reference.ts';
import { IMAGE_STATES, type ImageState } from '../../core/states.ts';
import { pageOf, pageQuery, pageRequest, renderPage } from './pages.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';

const tags = ['images'];
const states = Object.keys(IMAGE_STATES) as [ImageState, ...ImageState[]];
const flagView = z.object({ reason: z.string(), passes: z.int(), since: z.iso.datetime() });
const blobView = z.object({ digest: z.string(), sizeBytes: z.int(), mediaType: z.string() });
const common = {
  sizeBytes: z.int().describe('Of the regular files'),
  home: z.string().describe('The folder of its document'),
  job: z.string().optional().describe('That changed it last'),
  flag: flagView.optional().describe('What reconcile found amiss; nothing is deleted because of it'),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
};

const imageView = z
  .object({
    id: z.string().describe('The digest of its configuration'),
    state: z.enum(states),
    names: z.array(z.string()),
    layers: z.array(z.object({ diffId: z.string(), blob: blobView })).describe('Lowest first'),
    config: z.record(z.string(), z.unknown()).describe('The OCI image configuration'),
    manifest: blobView,
    ...common,
  })
  .meta({ id: 'Image' });

const layerView = z
  .object({
    diffId: z.string(),
    state: z.enum(states),
    blob: blobView,
    disk: z.object({ path: z.string(), uuid: z.string(), sizeBytes: z.int() }).nullable(),
    ...common,
  })
  .meta({ id: 'Layer' });

const digestParams = z.object({
  digest: z
    .string()
    .meta({ pattern: DIGEST_PATTERN })
    .refine((text) => parseDigest(text) !== undefined, 'must be sha256: and 64 hexadecimal digits'),
});

export function imageRoutes(app: RestApp, { records }: RouteParts): void {
  app.route({
    method: 'GET',
    url: '/v1/images',
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'listImages',
      summary: 'List images by id',
      querystring: z.strictObject(pageQuery),
      response: { 200: pageOf(imageView), ...problemResponses },
    },
    handler: async (request, reply) => {
      const filter = { type: 'image' };
      const page = await records.list('image', pageRequest(request.query, filter));
      return renderPage(reply, page, filter, ({ record }) => viewImage(record));
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/images/:digest',
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'readImage',
      summary: 'Read an image by its id',
      params: digestParams,
      querystring: z.strictObject({}),
      response: { 200: imageView, ...problemResponses },
    },
    handler: async (request) => {
      const { digest } = request.params;
      const found = await records.read('image', digest);
      if (found === undefined) throw new StowageError('image-not-found', `there is no image ${digest}`);
      return viewImage(found.record);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/layers',
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'listLayers',
      summary: 'List layers by diffID: one disk each, shared by the images that have it',
      querystring: z.strictObject(pageQuery),
      response: { 200: pageOf(layerView), ...problemResponses },
    },
    handler: async (request, reply) => {
      const filter = { type: 'layer' };
      const page = await records.list('layer', pageRequest(request.query, filter));
      return renderPage(reply, page, filter, ({ record }) => viewLayer(record));
    },
  });
}

function viewCommon({ sizeBytes, home, job, flag, createdAt, updatedAt }: ImageRecord | LayerRecord) {
  return {
    sizeBytes,
    home,
    ...(job === undefined ? {} : { job }),
    ...(flag === undefined ? {} : { flag }),
    createdAt,
    updatedAt,
  };
}

function viewImage(record: ImageRecord): z.infer<typeof imageView> {
  const { name, state, names, layers, config, manifest } = record;
  return {
    id: name,
    state,
    names: names.map(({ reference }) => reference),
    layers: [...layers],
    config,
    manifest,
    ...viewCommon(record),
  };
}

function viewLayer(record: LayerRecord): z.infer<typeof layerView> {
  const { name, state, blob, disk } = record;
  return { diffId: name, state, blob, disk: disk ?? null, ...viewCommon(record) };
}
