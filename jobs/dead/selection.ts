import { z } from 'zod';
import { JOB_ID_FORM, type JobId, parseJobId, parseResourceKey, RESOURCE_KEY_FORM } from '../../core/ids.ts';
import type { JsonObject } from '../../core/job.ts';
import type { DeadFilter, DeadSelection } from '../../core/ports/dead-letters.ts';
import { branded, setByStowage } from '../branded.ts';
import type { PrepareContext } from '../define.ts';
import { noted } from '../noted.ts';

// Which dead letters a job works through: those that fit a filter, or those that are named. What dies later is none of its.

const MOST_IDS = 1_000;
const MOST_FINGERPRINTS = 100;

const fingerprint = z.string().regex(/^[0-9a-f]{16}$/, 'is not a fingerprint: 16 hexadecimal digits');
const time = z.iso.datetime({ offset: true });

const filter = z.strictObject({
  kind: z.string().min(1).max(100).optional(),
  code: z.string().min(1).max(100).optional().describe('Of the error'),
  fingerprint: fingerprint.optional(),
  fingerprints: z.array(fingerprint).min(1).max(MOST_FINGERPRINTS).optional().describe('Any of them'),
  resource: branded(parseResourceKey, 'must be <type>:<name>', RESOURCE_KEY_FORM)
    .optional()
    .describe('e.g. `volume:demo_vol`'),
  actor: z.string().min(1).max(200).optional(),
  since: time.optional().describe('Of the time of death'),
  until: time.optional(),
});

export const selectionMembers = {
  filter: filter
    .optional()
    .describe(
      'Everything that is given must fit; `{}` is all but the dead letters of `dead.…`, which only `kind` names',
    ),
  ids: z
    .array(branded(parseJobId, 'is not the id of a job', JOB_ID_FORM))
    .min(1)
    .max(MOST_IDS)
    .optional()
    .describe('In place of a filter'),
};

/** Of the payload, whose input has it set by Stowage. */
export const cutoff = { cutoffAt: setByStowage(time, ': what dies later is left alone') };

export interface Selected {
  readonly filter?: z.output<typeof filter> | undefined;
  readonly ids?: readonly JobId[] | undefined;
  readonly cutoffAt?: string | undefined;
}

/** A schema with the members above, of which one must be given. */
export function oneOfBoth<T extends z.ZodType<Selected>>(schema: T): T {
  return schema
    .refine(
      (payload: Selected) => (payload.filter === undefined) !== (payload.ids === undefined),
      'give either `filter` or `ids`',
    )
    .meta({ oneOf: [{ required: ['filter'] }, { required: ['ids'] }] });
}

export async function prepareCutoff(_payload: unknown, { now }: Pick<PrepareContext, 'now'>): Promise<JsonObject> {
  return { cutoffAt: now() };
}

export function selectionOf({ filter: asked, ids, cutoffAt }: Selected): DeadSelection {
  return {
    ...(asked === undefined ? {} : { filter: filterOf(asked) }),
    ...(ids === undefined ? {} : { ids }),
    cutoffAt: noted(cutoffAt),
  };
}

function filterOf({ fingerprint: one, fingerprints: some, ...rest }: z.output<typeof filter>): DeadFilter {
  const fingerprints = [...(one === undefined ? [] : [one]), ...(some ?? [])];
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)) as DeadFilter;
  return { ...given, ...(fingerprints.length === 0 ? {} : { fingerprints }) };
}
