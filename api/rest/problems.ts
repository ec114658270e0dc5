import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import { ERROR_KINDS } from '../../core/error-codes.ts';
import { adviceOf, asStowageError, type ErrorFacts, StowageError, statusOf } from '../../core/errors.ts';
import type { RequestTrace } from '../request-trace.ts';

// RFC 9457. A field fault whose pointer does not begin with "/" names a parameter: of the path, the query or a header.

export const PROBLEM_TYPE = 'application/problem+json';
export const MAX_BODY_BYTES = 1_048_576;
const DEFAULT_RETRY_AFTER_MS = 1_000;

const problemFault = z.object({
  pointer: z.string().optional().describe('JSON pointer into the body'),
  parameter: z.string().optional().describe('Name of a path or query parameter or of a header'),
  detail: z.string(),
});

export const problem = z
  .object({
    type: z.string().describe('`/problems/<code>`, a page that explains the code'),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    code: z.string(),
    kind: z.string(),
    advice: z.string().describe('What a person can do about it'),
    errors: z.array(problemFault).optional().describe('The fields at fault'),
    holder: z.string().optional().describe('Who has the thing that was wanted'),
    fault: z.unknown().optional().describe('The fault of vSphere, as it came'),
    traceId: z.string(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details' });
export type Problem = z.infer<typeof problem>;

const problemContent = { content: { [PROBLEM_TYPE]: { schema: problem } } };

/** For a route's `schema.response`. */
export const problemResponses = {
  '4xx': { description: 'The request cannot be served as it is', ...problemContent },
  '5xx': { description: 'Stowage, or what it depends on, failed', ...problemContent },
} as const;

export function problemOf(
  error: StowageError,
  context: { readonly instance: string; readonly traceId: string },
): Problem {
  const { kind, code, message, fields, holder, fault } = error.facts;
  const status = statusOf(code);
  return {
    type: `/problems/${code}`,
    title: code === 'internal-error' ? (STATUS_CODES[status] ?? ERROR_KINDS[kind].title) : ERROR_KINDS[kind].title,
    status,
    // The message of a fault of ours may tell what callers have no business with; the log has it.
    detail: code === 'internal-error' ? 'Stowage failed; its log says why, under the trace id.' : message,
    instance: context.instance,
    code,
    kind,
    advice: adviceOf(code),
    ...(fields === undefined || fields.length === 0 ? {} : { errors: fields.map(faultOf) }),
    ...(holder === undefined ? {} : { holder }),
    ...(fault === undefined ? {} : { fault }),
    traceId: context.traceId,
  };
}

function faultOf(field: { readonly pointer: string; readonly detail: string }): z.infer<typeof problemFault> {
  const { pointer, detail } = field;
  return pointer === '' || pointer.startsWith('/') ? { pointer, detail } : { parameter: pointer, detail };
}

/** An error as it is shown inside another document: a job's own, or that of one attempt. */
export function explainError(facts: ErrorFacts): ErrorFacts & { readonly advice: string; readonly type: string } {
  return { ...facts, advice: adviceOf(facts.code), type: `/problems/${facts.code}` };
}

export function sendProblem(reply: FastifyReply, error: StowageError, requestTrace: RequestTrace | null): FastifyReply {
  const instance = pathOf(reply.request);
  const body = problemOf(error, { instance, traceId: requestTrace?.traceId ?? '' });
  if (error.kind === 'unauthenticated') {
    const reason = error.code === 'credentials-wrong' ? ', error="invalid_token"' : '';
    reply.header('www-authenticate', `Bearer realm="stowage"${reason}`);
  }
  if (error.kind === 'unavailable' || error.details.retryAfterMs !== undefined) {
    const afterMs = error.details.retryAfterMs ?? DEFAULT_RETRY_AFTER_MS;
    reply.header('retry-after', String(Math.max(1, Math.ceil(afterMs / 1_000))));
  }
  return sendProblemBody(reply, body);
}

/** As bytes, because Fastify would add a charset to the type of a text, and this type has none. */
export function sendProblemBody(reply: FastifyReply, body: Problem): FastifyReply {
  return reply
    .code(body.status)
    .header('content-type', PROBLEM_TYPE)
    .send(Buffer.from(JSON.stringify(body)));
}

export function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? '/';
}

/** Anything that a handler, a hook or Fastify itself throws, as an error of the catalogue. */
export function errorOfThrown(thrown: unknown): StowageError {
  if (thrown instanceof StowageError || !isFastifyError(thrown)) return asStowageError(thrown);
  if (thrown.validation !== undefined) return invalidRequest(thrown);
  const options = { cause: thrown };
  switch (thrown.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new StowageError('body-too-large', `the body has more than ${MAX_BODY_BYTES} bytes`, options);
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new StowageError('media-type-unsupported', 'the body is not declared as application/json', options);
    case 'FST_ERR_CTP_INVALID_JSON_BODY': {
      const detail = 'is not JSON, or has a member called __proto__ or constructor';
      return new StowageError('body-malformed', `the body ${detail}`, {
        ...options,
        fields: [{ pointer: '', detail }],
      });
    }
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new StowageError('body-malformed', 'the body is not as long as Content-Length says', options);
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new StowageError('request-invalid', 'the path is not one that Stowage can read', options);
    default:
  }
  const status = thrown.statusCode ?? 500;
  if (status < 400 || status >= 500) return asStowageError(thrown);
  return new StowageError('body-malformed', `the body cannot be read: ${thrown.message}`, options);
}

function isFastifyError(thrown: unknown): thrown is FastifyError {
  return thrown instanceof Error && ('code' in thrown || 'statusCode' in thrown || 'validation' in thrown);
}

interface Issue {
  readonly message?: string;
  readonly instancePath: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** The faults that the schemas of a route found. */
function invalidRequest(error: FastifyError): StowageError {
  const isBody = error.validationContext === 'body';
  const issues: readonly Issue[] = error.validation ?? [];
  const fields = issues.flatMap((issue) => {
    const detail = issue.message ?? 'is not valid';
    const base = issue.instancePath === '/' ? '' : issue.instancePath;
    const pointers = unknownKeys(issue).map((key) => `${base}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`);
    return (pointers.length > 0 ? pointers : [base]).map((pointer) => ({
      pointer: isBody ? pointer : (pointer.split('/')[1] ?? ''),
      detail: pointers.length > 0 ? 'is not known here' : detail,
    }));
  });
  const summary = fields.map(({ pointer, detail }) => `${pointer || 'the body'}: ${detail}`).join('; ');
  return new StowageError('request-invalid', summary || 'the request is not valid', { fields });
}

function unknownKeys(issue: Issue): readonly string[] {
  const { keys } = issue.params;
  return Array.isArray(keys) ? keys.filter((key) => typeof key === 'string') : [];
}
