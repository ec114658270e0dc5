import { z } from 'zod';
import { asStowageError, StowageError } from '../../core/errors.ts';
import type { Health } from '../../core/ports/jobs.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { PROBLEM_TYPE, pathOf, problem, problemOf, problemResponses, sendProblemBody } from './problems.ts';

const tags = ['process'];
const CANARY_TIMEOUT_MS = 3_000;
/** Anybody may ask, and each look sends a real entry through the queue: so one look serves all who ask within this time. */
const FRESH_MS = 5_000;
/** The same for a look that found a fault, so that who waits for a start learns of it soon. */
const FRESH_FAULT_MS = 500;

const check = z.object({
  status: z.enum(['ok', 'failed', 'unknown']),
  code: z.string().optional(),
  detail: z.string().optional(),
  elapsedMs: z.number().optional(),
  worker: z.string().optional(),
});
type Check = z.infer<typeof check>;
const checks = z.object({ redis: check, worker: check, vcenter: check });
type Checks = z.infer<typeof checks>;

const ready = z.object({ status: z.literal('ready'), checks }).meta({ id: 'Ready' });
const notReady = problem.extend({ checks }).meta({ id: 'NotReady' });

export function healthRoutes(app: RestApp, parts: RouteParts): void {
  const look = lookNowAndThen(parts.health, () => parts.clock.monotonicMs());

  app.route({
    method: 'GET',
    url: '/healthz',
    config: { access: 'public' },
    schema: {
      tags,
      operationId: 'readHealth',
      summary: 'Whether this process is alive',
      response: { 200: z.object({ status: z.literal('alive'), version: z.string() }) },
    },
    handler: async () => ({ status: 'alive' as const, version: parts.version }),
  });

  app.route({
    method: 'GET',
    url: '/readyz',
    config: { access: 'public' },
    schema: {
      tags,
      operationId: 'readReadiness',
      summary: 'Whether a job could run now: an entry goes through Redis to a worker, which asks vCenter',
      response: {
        200: ready,
        503: { description: 'It could not', content: { [PROBLEM_TYPE]: { schema: notReady } } },
        ...problemResponses,
      },
    },
    handler: async (request, reply) => {
      const seen = await look();
      const faults = faultsOf(seen);
      if (faults.length === 0) return { status: 'ready' as const, checks: seen };
      const detail = faults.map(([name, each]) => `${name}: ${each.detail ?? 'failed'}`).join('; ');
      const context = { instance: pathOf(request), traceId: request.requestTrace?.traceId ?? '' };
      const body = { ...problemOf(new StowageError('not-ready', detail), context), checks: seen };
      reply.header('retry-after', '5');
      return await sendProblemBody(reply, body);
    },
  });
}

/** Who asks while a look is under way, or soon after it, gets its answer. */
function lookNowAndThen(health: Health, monotonicMs: () => number): () => Promise<Checks> {
  let look: Promise<Checks> | undefined;
  let freshUntilMs = 0;
  const lookNow = async (): Promise<Checks> => {
    freshUntilMs = Number.POSITIVE_INFINITY;
    const seen = await lookAt(health);
    freshUntilMs = monotonicMs() + (faultsOf(seen).length === 0 ? FRESH_MS : FRESH_FAULT_MS);
    return seen;
  };
  return async () => {
    if (look === undefined || monotonicMs() > freshUntilMs) look = lookNow();
    return await look;
  };
}

function faultsOf(seen: Checks): readonly (readonly [string, Check])[] {
  return Object.entries(seen).filter(([, each]) => each.status === 'failed');
}

async function lookAt(health: Health): Promise<Checks> {
  const unknown = { status: 'unknown' as const };
  try {
    const redis: Check = { status: 'ok', elapsedMs: await health.redis() };
    return { redis, ...(await lookAtWorkers(health)) };
  } catch (error) {
    return { redis: failed(error), worker: unknown, vcenter: unknown };
  }
}

async function lookAtWorkers(health: Health): Promise<Omit<Checks, 'redis'>> {
  try {
    const { worker, elapsedMs, vcenter, vcenterFault } = await health.canary(CANARY_TIMEOUT_MS);
    const detail = vcenterFault ?? 'it does not answer';
    return {
      worker: { status: 'ok', worker, elapsedMs },
      vcenter: vcenter === 'ok' ? { status: 'ok' } : { status: 'failed', code: 'vcenter-unreachable', detail },
    };
  } catch (error) {
    return { worker: failed(error), vcenter: { status: 'unknown' } };
  }
}

function failed(thrown: unknown): Check {
  const { code, message } = asStowageError(thrown);
  return { status: 'failed', code, detail: message };
}
