import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/job.ts';
import type { AnyKind } from '../../jobs/define.ts';

const named = z.object({ properties: z.record(z.string(), z.unknown()).catch({}) });
const readOnly = z.object({ readOnly: z.literal(true) });
const found = new WeakMap<AnyKind, readonly string[]>();

/** The members of a kind's payload that Stowage alone sets (jobs/branded.ts). */
function membersOf(kind: AnyKind): readonly string[] {
  const known = found.get(kind);
  if (known !== undefined) return known;
  const { properties } = named.parse(z.toJSONSchema(kind.payload, { io: 'input', unrepresentable: 'any' }));
  const members = Object.entries(properties).flatMap(([name, schema]) =>
    readOnly.safeParse(schema).success ? [name] : [],
  );
  found.set(kind, members);
  return members;
}

/**
 * What Stowage sets says which thing it was that the caller may do this to: a caller who says it could do it to another.
 * @param before the payload of the dead letter in whose place it comes: what Stowage has set there may be sent back as it was
 * @throws StowageError `request-invalid`
 */
export function refuseWhatStowageSets(kind: AnyKind | undefined, payload: unknown, before: JsonObject = {}): void {
  if (kind === undefined || typeof payload !== 'object' || payload === null) return;
  const sent = new Map(Object.entries(payload));
  const fields = membersOf(kind)
    .filter((name) => sent.get(name) !== undefined && !isDeepStrictEqual(sent.get(name), before[name]))
    .map((name) => ({ pointer: `/payload/${name}`, detail: 'is set by Stowage: leave it out' }));
  if (fields.length === 0) return;
  const summary = fields.map(({ pointer, detail }) => `${pointer}: ${detail}`).join('; ');
  throw new StowageError('request-invalid', `the payload of ${kind.kind} is not valid: ${summary}`, { fields });
}
