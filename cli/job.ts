import { z } from 'zod';
import type { Item } from './output/table.ts';

// A job as far as a command needs to understand it; the rest is shown as it is.

const problem = z.looseObject({
  code: z.string(),
  message: z.string(),
  advice: z.string().optional(),
  holder: z.string().optional(),
});

export const jobSchema = z.looseObject({
  id: z.string(),
  kind: z.string(),
  state: z.string(),
  payload: z.record(z.string(), z.unknown()).catch({}),
  result: z.record(z.string(), z.unknown()).nullable(),
  error: problem.nullable(),
  steps: z.array(
    z.looseObject({
      name: z.string(),
      state: z.string(),
      begun: z.number(),
      durationMs: z.number().optional(),
      progress: z.number().optional(),
    }),
  ),
  attempts: z.array(
    z.looseObject({
      number: z.number(),
      worker: z.string(),
      outcome: z.string(),
      durationMs: z.number().optional(),
      step: z.string().optional(),
      error: problem.optional(),
    }),
  ),
  maxAttempts: z.number(),
  resources: z.array(z.string()),
  children: z.array(z.string()).catch([]),
  createdAt: z.string(),
  startedAt: z.string().nullable(),
  finishedAt: z.string().nullable(),
  retryAt: z.string().optional(),
  traceId: z.string().optional(),
  waitingBehind: z.array(z.looseObject({ resource: z.string(), job: z.string(), ahead: z.number() })).optional(),
  progress: z.looseObject({ phase: z.string(), current: z.number(), total: z.number().optional() }).optional(),
});
export type JobDocument = z.infer<typeof jobSchema>;

const OVER: ReadonlySet<string> = new Set(['succeeded', 'dead', 'failed', 'cancelled']);

export function isOver({ state }: JobDocument): boolean {
  return OVER.has(state);
}

/** What a job is about: its first resource without the type, or nothing. */
export function subjectOf(item: Item): string | undefined {
  const resources = item['resources'];
  return Array.isArray(resources) && resources.length > 0 ? resources.map(String).join(', ') : undefined;
}

/** `volume.create of volume:demo_vol`; of an id of 64 digits the first 12. */
export function nameOf({ kind, resources }: JobDocument): string {
  const [subject] = resources;
  if (subject === undefined || subject.startsWith('system:')) return kind;
  return `${kind} of ${subject.replaceAll(/[0-9a-f]{64}/g, (id) => id.slice(0, 12))}`;
}
