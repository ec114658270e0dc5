import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import { explainBadVolumeName, VOLUME_NAME_FORM } from '../../core/ids.ts';
import { filteredPage, pageOf, pageQuery, pageRequest, renderPage } from './pages.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';
import { tagOf, viewVolume, volumeState, volumeView } from './volume-view.ts';

const tags = ['volumes'];

export const volumeName = z
  .string()
  .meta(VOLUME_NAME_FORM)
  .superRefine((text, context) => {
    const fault = explainBadVolumeName(text);
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
  });
const volumeParams = z.object({ name: volumeName });

const listQuery = z.strictObject({
  store: z.string().min(1).max(100).optional(),
  state: volumeState.optional(),
  ...pageQuery,
});

export function volumeRoutes(app: RestApp, { records }: RouteParts): void {
  app.route({
    method: 'GET',
    url: '/v1/volumes',
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'listVolumes',
      summary: 'List volumes by name',
      querystring: listQuery,
      response: { 200: pageOf(volumeView), ...problemResponses },
    },
    handler: async (request, reply) => {
      const { limit, cursor, store, state } = request.query;
      const filter = { type: 'volume', store, state };
      const page = await filteredPage(
        (wanted) => records.list('volume', wanted),
        pageRequest({ limit, cursor }, filter),
        {
          matches: ({ record }) =>
            record.spec.store === (store ?? record.spec.store) && record.state === (state ?? record.state),
          cursorOf: ({ record }) => record.name,
        },
      );
      return renderPage(reply, page, filter, viewVolume);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/volumes/:name',
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'readVolume',
      summary: 'Read a volume; `If-None-Match` with its `ETag` saves the body',
      params: volumeParams,
      querystring: z.strictObject({}),
      headers: z.looseObject({ 'if-none-match': z.string().max(1_000).optional() }),
      response: { 200: volumeView, 304: { description: 'It is as the caller knows it' }, ...problemResponses },
    },
    handler: async (request, reply) => {
      const { name } = request.params;
      const found = await records.read('volume', name);
      if (found === undefined) throw new StowageError('volume-not-found', `there is no volume ${name}`);
      const tag = tagOf(found);
      reply.header('etag', tag);
      if (isKnown(request.headers['if-none-match'], tag)) return await reply.code(304).send();
      return viewVolume(found);
    },
  });
}

/** RFC 9110, 13.1.2: weak comparison with any of the tags. */
function isKnown(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  return header.trim() === '*' || header.split(',').some((each) => each.trim().replace(/^W\//, '') === tag);
}
