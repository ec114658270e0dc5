import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { type FieldFault, StowageError } from '../core/errors.ts';
import { type JobId, newJobId } from '../core/ids.ts';
import type { Json, JsonObject } from '../core/job.ts';
import type { JobStore, RecordStore, Role, SubmitOutcome } from '../core/ports/jobs.ts';
import type { AnyKind, World } from './define.ts';
import type { Catalogue } from './registry.ts';

export interface Submitter {
  readonly actor: string;
  readonly role: Role;
  /** The caller's key for "this very request": the same job comes back for 24 hours. */
  readonly idempotencyKey?: string;
  readonly traceparent?: string;
  /** The job that submits it. */
  readonly parent?: JobId;
  /** Of the parent's claim. */
  readonly parentEpoch?: number;
  /** Chosen, and stored, before: a second submission changes nothing. */
  readonly id?: JobId;
  /** Ahead of all jobs on its resources. */
  readonly front?: boolean;
  /** The dead letter in whose place it comes: given up in the same write. */
  readonly redriveOf?: JobId;
}

export type Submit = (kind: string, payload: unknown, submitter: Submitter) => Promise<SubmitOutcome>;

const ROLE_RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };

export function hasRole(role: Role, least: Role): boolean {
  return ROLE_RANK[role] >= ROLE_RANK[least];
}

/**
 * The one way in for jobs. Nothing is written, and vSphere is not asked, before everything about the request is known to be good.
 * @throws StowageError `kind-unknown`, `role-insufficient`, `request-invalid` with a pointer to each field, `idempotency-key-reused`;
 * `job-not-found`, `job-not-dead` for one in whose place it comes
 */
export function createSubmit(parts: {
  readonly catalogue: Catalogue;
  readonly world: World;
  readonly jobs: JobStore;
  readonly records: RecordStore;
  readonly nowMs: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
}): Submit {
  const { catalogue, world, jobs, records, nowMs, randomBytes } = parts;
  return async (kindName, payload, submitter) => {
    const kind = catalogue.find(kindName);
    if (kind === undefined) throw unknownKind(kindName, catalogue);
    if (!hasRole(submitter.role, kind.role)) {
      throw new StowageError(
        'role-insufficient',
        `${kind.kind} needs the role ${kind.role}; this key is a ${submitter.role}`,
      );
    }
    const asked = parsePayload(kind, payload, world);
    const sent = payload as JsonObject;
    const added = await kind.prepare?.(asked, {
      records,
      world,
      randomBytes,
      now: () => new Date(nowMs()).toISOString(),
    });
    const stored = added === undefined ? sent : { ...sent, ...added };
    const parsed = added === undefined ? asked : parsePayload(kind, stored, world);
    const printOf = (what: JsonObject): string => fingerprintOf({ kind: kind.kind, payload: what });
    // The same payload in place of another job is another request.
    const { redriveOf } = submitter;
    const requestPrint = redriveOf === undefined ? printOf(sent) : printOf({ payload: sent, redriveOf });
    const outcome = await jobs.submit({
      id: submitter.id ?? newJobId(nowMs(), randomBytes(10)),
      kind: kind.kind,
      lane: kind.lane,
      payload: stored,
      resources: kind.resources(parsed),
      stepNames: kind.steps.map((step) => step.name),
      ...(kind.joins ? { naturalKey: printOf(stored) } : {}),
      ...(submitter.idempotencyKey === undefined
        ? {}
        : { idempotency: { scope: submitter.actor, key: submitter.idempotencyKey, fingerprint: requestPrint } }),
      actor: submitter.actor,
      ...(submitter.traceparent === undefined ? {} : { traceparent: submitter.traceparent }),
      ...(submitter.parent === undefined ? {} : { parent: submitter.parent }),
      ...(submitter.parentEpoch === undefined ? {} : { parentEpoch: submitter.parentEpoch }),
      maxAttempts: kind.retry.maxAttempts,
      deadlineMs: kind.deadlineMs,
      ...(submitter.front === true ? { front: true } : {}),
      ...(redriveOf === undefined ? {} : { redriveOf }),
    });
    if (outcome.outcome === 'key-reused') {
      throw new StowageError(
        'idempotency-key-reused',
        `this Idempotency-Key belongs to job ${outcome.id}, which has another payload`,
      );
    }
    return outcome;
  };
}

function unknownKind(kindName: string, catalogue: Catalogue): StowageError {
  const known = catalogue.kinds.map((kind) => kind.kind).join(', ');
  return new StowageError('kind-unknown', `there is no kind "${kindName}"; the kinds are ${known}`, {
    fields: [{ pointer: '/kind', detail: `one of ${known}` }],
  });
}

/** @throws StowageError `request-invalid` */
export function parsePayload(kind: AnyKind, payload: unknown, world: World): unknown {
  const parsed = kind.payload.safeParse(payload, { error: explainMissing });
  if (!parsed.success) throw invalidPayload(kind, parsed.error.issues.map(faultOfIssue));
  const faults = kind.check?.(parsed.data, world) ?? [];
  if (faults.length > 0) throw invalidPayload(kind, faults);
  return parsed.data;
}

/** For zod, whose own message for what is missing tells of its types and of `undefined`. */
export function explainMissing(issue: { readonly input?: unknown }): string | undefined {
  return issue.input === undefined ? 'is missing' : undefined;
}

function invalidPayload(kind: AnyKind, faults: readonly FieldFault[]): StowageError {
  const fields = faults.map((fault) => ({ ...fault, pointer: `/payload${fault.pointer}` }));
  const summary = fields.map((field) => `${field.pointer}: ${field.detail}`).join('; ');
  return new StowageError('request-invalid', `the payload of ${kind.kind} is not valid: ${summary}`, { fields });
}

function faultOfIssue(issue: z.core.$ZodIssue): FieldFault {
  const unknownKey = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const path = unknownKey === undefined ? issue.path : [...issue.path, unknownKey];
  return {
    pointer: path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''),
    detail: issue.message,
  };
}

/** The same for objects that differ only in the order of their keys. */
function fingerprintOf(value: Json): string {
  return createHash('sha256').update(canonical(value)).digest('base64url');
}

function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}
