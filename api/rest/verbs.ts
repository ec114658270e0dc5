import { z } from 'zod';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import type { AnyKind } from '../../jobs/define.ts';
import { jobView } from './job-view.ts';
import { documentSchema } from './openapi-schema.ts';
import { documentVerbBody } from './openapi-kinds.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';
import { submissionHeaders, submitJob } from './submission.ts';
import { waitQuery } from './wait.ts';

/** A route that only submits a job: `member` of the payload is what the path names, the rest is the body or, for DELETE, the query. */
export interface Verb {
  readonly method: 'POST' | 'DELETE';
  readonly url: string;
  readonly kind: string;
  readonly operationId: string;
  readonly member?: string;
  readonly query?: Readonly<Record<string, z.ZodType>>;
  /** Members of the payload that are called otherwise in the query. */
  readonly as?: Readonly<Record<string, string>>;
}

/** The verbs of one noun. */
export interface VerbTable {
  readonly tag: string;
  /** For messages: what the path names. */
  readonly noun: string;
  /** The parameter in the paths, and what it may be. */
  readonly param: string;
  readonly schema: z.ZodType<string>;
  readonly verbs: readonly Verb[];
}

const anyObject = z.record(z.string(), z.unknown());

/** The convenience routes of a noun, for those kinds that the catalogue has. */
export function verbRoutes(app: RestApp, parts: RouteParts, table: VerbTable): void {
  for (const verb of table.verbs) {
    const kind = parts.catalogue.find(verb.kind);
    if (kind !== undefined) verbRoute(app, parts, { table, verb, kind });
  }
}

function verbRoute(
  app: RestApp,
  parts: RouteParts,
  { table, verb, kind }: { readonly table: VerbTable; readonly verb: Verb; readonly kind: AnyKind },
): void {
  const { member, query = {}, as = {} } = verb;
  const hasBody = verb.method === 'POST';
  const documentedBody =
    member === undefined ? documentSchema(kind.payload, 'input') : documentVerbBody(kind, [member]);
  app.route({
    method: verb.method,
    url: verb.url,
    config: { access: 'operator', audit: 'refused', ...(hasBody ? { documentedBody } : {}) },
    schema: {
      tags: [table.tag],
      operationId: verb.operationId,
      summary: `${kind.summary} Submits \`${kind.kind}\``,
      params: member === undefined ? z.object({}) : z.object({ [table.param]: table.schema }),
      querystring: z.strictObject({ ...query, ...waitQuery }),
      headers: submissionHeaders,
      ...(hasBody ? { body: member === undefined ? anyObject : anyObject.nullish() } : {}),
      response: { 200: jobView, 202: jobView, ...problemResponses },
    },
    handler: async (request, reply) => {
      const body = anyObject.parse(request.body ?? {});
      if (member !== undefined && member in body) throw namedTwice(table.noun, member);
      const { wait, ...rest } = request.query;
      const asked = Object.fromEntries(Object.entries(rest).map(([name, value]) => [as[name] ?? name, value]));
      const params: Readonly<Record<string, unknown>> = request.params;
      const payload = { ...body, ...asked, ...(member === undefined ? {} : { [member]: params[table.param] }) };
      try {
        return await submitJob({ parts, request, reply, kind: kind.kind, payload, wait });
      } catch (error) {
        throw asSeenByCaller(error, { member, param: table.param });
      }
    },
  });
}

function namedTwice(noun: string, member: string): StowageError {
  return new StowageError('request-invalid', `the path names the ${noun}, so the body has no "${member}"`, {
    fields: [{ pointer: `/${member}`, detail: 'is in the path' }],
  });
}

/** Pointers into the payload as the caller sent it: relative to the body, or the name in the path. */
function asSeenByCaller(
  error: unknown,
  { member, param }: { readonly member: string | undefined; readonly param: string },
): unknown {
  if (!isErrorCode(error, 'request-invalid') || error.details.fields === undefined) return error;
  const fields = error.details.fields.map(({ pointer, detail }) => {
    const inBody = pointer.replace(/^\/payload/, '');
    return { pointer: inBody === `/${member}` ? param : inBody, detail };
  });
  const summary = fields.map(({ pointer, detail }) => `${pointer || 'the body'}: ${detail}`).join('; ');
  return new StowageError('request-invalid', summary, { ...error.details, fields, cause: error });
}
