import { z } from 'zod';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import type { AnyKind } from '../../jobs/define.ts';
import { jobView } from './job-view.ts';
import { documentSchema } from './openapi-schema.ts';
import { documentVerbBody } from './openapi-kinds.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';
import { submissionHeaders, submitJob } from './submission.ts';
import { volumeParams } from './volumes.ts';
import { waitQuery } from './wait.ts';

/** A route that only submits a job: `member` of the payload is the name in the path, the rest is the body. */
interface Verb {
  readonly method: 'POST' | 'DELETE';
  readonly url: string;
  readonly kind: string;
  readonly operationId: string;
  readonly member?: string;
}

const VERBS: readonly Verb[] = [
  { method: 'POST', url: '/v1/volumes', kind: 'volume.create', operationId: 'createVolume' },
  { method: 'DELETE', url: '/v1/volumes/:name', kind: 'volume.remove', operationId: 'removeVolume', member: 'name' },
  {
    method: 'POST',
    url: '/v1/volumes/:name/attach',
    kind: 'volume.attach',
    operationId: 'attachVolume',
    member: 'volume',
  },
  {
    method: 'POST',
    url: '/v1/volumes/:name/detach',
    kind: 'volume.detach',
    operationId: 'detachVolume',
    member: 'volume',
  },
  {
    method: 'POST',
    url: '/v1/volumes/:name/expand',
    kind: 'volume.expand',
    operationId: 'expandVolume',
    member: 'name',
  },
  {
    method: 'POST',
    url: '/v1/volumes/:name/clone',
    kind: 'volume.clone',
    operationId: 'cloneVolume',
    member: 'source',
  },
];

const anyObject = z.record(z.string(), z.unknown());

/** The convenience routes of volumes, for those kinds that the catalogue has. */
export function volumeVerbRoutes(app: RestApp, parts: RouteParts): void {
  for (const verb of VERBS) {
    const kind = parts.catalogue.find(verb.kind);
    if (kind !== undefined) verbRoute(app, parts, { verb, kind });
  }
}

function verbRoute(
  app: RestApp,
  parts: RouteParts,
  { verb, kind }: { readonly verb: Verb; readonly kind: AnyKind },
): void {
  const { member } = verb;
  const hasBody = verb.method === 'POST';
  const documentedBody =
    member === undefined ? documentSchema(kind.payload, 'input') : documentVerbBody(kind, [member]);
  app.route({
    method: verb.method,
    url: verb.url,
    config: { access: 'operator', ...(hasBody ? { documentedBody } : {}) },
    schema: {
      tags: ['volumes'],
      operationId: verb.operationId,
      summary: `${kind.summary} Submits \`${kind.kind}\``,
      params: member === undefined ? z.object({ name: z.never().optional() }) : volumeParams,
      querystring: z.strictObject(waitQuery),
      headers: submissionHeaders,
      ...(hasBody ? { body: member === undefined ? anyObject : anyObject.nullish() } : {}),
      response: { 200: jobView, 202: jobView, ...problemResponses },
    },
    handler: async (request, reply) => {
      const body = anyObject.parse(request.body ?? {});
      if (member !== undefined && member in body) throw namedTwice(member);
      const payload = member === undefined ? body : { ...body, [member]: request.params.name };
      try {
        return await submitJob({ parts, request, reply, kind: kind.kind, payload, wait: request.query.wait });
      } catch (error) {
        throw asSeenByCaller(error, member);
      }
    },
  });
}

function namedTwice(member: string): StowageError {
  return new StowageError('request-invalid', `the path names the volume, so the body has no "${member}"`, {
    fields: [{ pointer: `/${member}`, detail: 'is in the path' }],
  });
}

/** Pointers into the payload as the caller sent it: relative to the body, or the name in the path. */
function asSeenByCaller(error: unknown, member: string | undefined): unknown {
  if (!isErrorCode(error, 'request-invalid') || error.details.fields === undefined) return error;
  const fields = error.details.fields.map(({ pointer, detail }) => {
    const inBody = pointer.replace(/^\/payload/, '');
    return { pointer: inBody === `/${member}` ? 'name' : inBody, detail };
  });
  const summary = fields.map(({ pointer, detail }) => `${pointer || 'the body'}: ${detail}`).join('; ');
  return new StowageError('request-invalid', summary, { ...error.details, fields, cause: error });
}
