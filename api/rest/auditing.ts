import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { asStowageError } from '../../core/errors.ts';
import type { Json, JsonObject } from '../../core/job.ts';
import type { AuditOutcome, NewAuditEntry } from '../../core/ports/audit.ts';
import type { RestApp, RestParts } from './parts.ts';
import { routeOf } from './tracing.ts';

// Who changes something, or tries to, is written down before the answer goes out. Of a request only members that are named here are kept:
// what nobody thought of may be a secret.

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const BODY_MEMBERS = [
  'kind',
  'name',
  'role',
  'reason',
  'filter',
  'ids',
  'dryRun',
  'ratePerSecond',
  'stopAfterFailures',
  'since',
  'until',
  'state',
  'overlapHours',
  'eventTypes',
  'format',
] as const;
const FILTER_MEMBERS = ['kind', 'code', 'fingerprint', 'fingerprints', 'resource', 'actor', 'since', 'until'] as const;
const MAX_TEXT = 300;
const MAX_LIST = 20;
/** Beyond it a text is not looked at: to look for secrets takes time. */
const MAX_LOOKED = 1_000;
/** API keys, webhook secrets, and whatever else is long and looks like chance. */
const SECRET_TEXT = /\b(stw|whsec)_[\w+/=-]{6,}|(?=[\w+/=-]*\d)(?=[\w+/=-]*[A-Z])(?=[\w+/=-]*[a-z])[\w+/=-]{32,}/g;
const CENSOR = '[secret]';

/**
 * A failure to write is logged with the entry, and the request goes on: what it did is done. Not written: submissions of jobs that were
 * accepted, since the job tells its actor (but those that act on dead letters are); what asks only for a count; and who has no key at all,
 * except where somebody signs in.
 */
export function auditRequests(app: RestApp, { audit, clock, logger }: RestParts): void {
  app.addHook('onSend', async (request, reply) => {
    if (!isAudited(request, reply.statusCode)) return;
    const entry = entryOf(request, reply, clock.nowMs());
    try {
      await audit.add(entry);
    } catch (thrown) {
      logger.error({ err: asStowageError(thrown), audit: entry }, 'what somebody did is not in the audit log');
    }
  });
}

function isAudited(request: FastifyRequest, status: number): boolean {
  if (request.is404) return false;
  const { access, audit } = request.routeOptions.config;
  if (audit !== 'always' && SAFE_METHODS.has(request.method)) return false;
  if (status === 429 || (status === 401 && access !== 'public')) return false;
  const { kind, dryRun } = membersOf(request.body);
  if (dryRun === true && status < 400) return false;
  return audit !== 'refused' || status === 403 || isOfDeadLetters(kind);
}

function isOfDeadLetters(kind: unknown): boolean {
  return typeof kind === 'string' && kind.startsWith('dead.');
}

function entryOf(request: FastifyRequest, reply: FastifyReply, nowMs: number): NewAuditEntry {
  const { caller } = request;
  const status = reply.statusCode;
  const target = targetOf(request, reply);
  const detail = detailOf(request);
  const traceId = request.requestTrace?.traceId;
  return {
    at: new Date(nowMs).toISOString(),
    actor: caller?.actor ?? 'anonymous',
    ...(caller === null ? {} : { role: caller.role }),
    action: actionOf(request),
    ...(target === undefined ? {} : { target }),
    outcome: outcomeOf(status),
    status,
    ...(Object.keys(detail).length === 0 ? {} : { detail }),
    ...(traceId === undefined ? {} : { traceId }),
    address: request.ip,
  };
}

function outcomeOf(status: number): AuditOutcome {
  if (status < 400) return 'done';
  return status < 500 ? 'refused' : 'failed';
}

function actionOf(request: FastifyRequest): string {
  return request.routeOptions.schema?.operationId ?? `${request.method} ${routeOf(request)}`;
}

/** `<noun>:<name>` by the path, or by the place of what was made. Somebody may have put a key where its id belongs. */
function targetOf(request: FastifyRequest, reply: FastifyReply): string | undefined {
  const params = membersOf(request.params);
  const [name] = Object.values(params).filter((value) => typeof value === 'string');
  const pattern = routeOf(request).split('/');
  if (name !== undefined) {
    if (reply.statusCode === 404 && pattern[2] === 'keys') return undefined;
    return safeText(`${nounOf(pattern[2])}:${name}`);
  }
  const [, , place, made] = String(reply.getHeader('location') ?? '').split('/');
  return made === undefined ? undefined : safeText(`${nounOf(place)}:${decodeURIComponent(made)}`);
}

function nounOf(place = ''): string {
  return place.endsWith('ies') ? `${place.slice(0, -3)}y` : place.replace(/s$/, '');
}

function detailOf(request: FastifyRequest): JsonObject {
  const [, ...params] = Object.entries(membersOf(request.params));
  const sent = membersOf(request.body);
  const body = isOfDeadLetters(sent['kind']) ? { ...membersOf(sent['payload']), ...sent } : sent;
  const kept = BODY_MEMBERS.flatMap((name) => (body[name] === undefined ? [] : [[name, body[name]] as const]));
  const all = [...params, ...knownQuery(request), ...kept, ...siteOf(body['url'])];
  return Object.fromEntries(all.flatMap(([name, value]) => safeMember(name, value)));
}

/** What the route has no parameter for was refused, and may be anything. */
function knownQuery(request: FastifyRequest): readonly (readonly [string, unknown])[] {
  const schema = request.routeOptions.schema?.querystring;
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  return Object.entries(membersOf(request.query)).filter(([name]) => known.includes(name));
}

/** The rest of a URL may be what gives access to it. */
function siteOf(url: unknown): readonly (readonly [string, unknown])[] {
  return typeof url === 'string' && URL.canParse(url) ? [['url', new URL(url).origin]] : [];
}

function safeMember(name: string, value: unknown): readonly (readonly [string, Json])[] {
  if (name === 'ids' && Array.isArray(value)) return [['ids', value.length]];
  const safe = name === 'filter' ? safeFilter(value) : safeValue(value);
  return safe === undefined ? [] : [[name, safe]];
}

function safeFilter(filter: unknown): JsonObject {
  const members = membersOf(filter);
  return Object.fromEntries(FILTER_MEMBERS.flatMap((name) => safeMember(name, members[name])));
}

function safeValue(value: unknown): Json | undefined {
  if (typeof value === 'string') return safeText(value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  if (!Array.isArray(value)) return undefined;
  const texts = value.slice(0, MAX_LIST).filter((each) => typeof each === 'string');
  return texts.map(safeText);
}

function safeText(text: string): string {
  const looked = text.length > MAX_LOOKED ? text.slice(0, MAX_LOOKED).replace(/[\w+/=-]+$/, '') : text;
  const masked = looked.replaceAll(SECRET_TEXT, CENSOR);
  return masked.length > MAX_TEXT ? `${masked.slice(0, MAX_TEXT)}…` : masked;
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}
