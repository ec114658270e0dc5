import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { JobId } from '../../core/ids.ts';
import type { Job } from '../../core/job.ts';
import type { JobStore } from '../../core/ports/jobs.ts';
import { wholeNumber } from './pages.ts';

// Waiting for a job: `?wait=N` or RFC 7240's `Prefer: wait=N`. A wait ends early when the client goes or the server stops.

const MAX_WAIT_SECONDS = 60;
/** Requests of one process that wait at once; one more is answered at once, with the job as it is. */
const MAX_WAITS = 5_000;
const PREFERENCE = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?=$|[,;])/i;

export const waitQuery = {
  wait: wholeNumber(0, MAX_WAIT_SECONDS)
    .optional()
    .describe('Seconds to wait for the job to be over. `Prefer: wait=N` does the same'),
};

export const preferHeader = {
  prefer: z.string().max(1_000).optional().describe('`wait=N`: seconds to wait (RFC 7240)'),
};

/** How long a request wants to wait. A preference is cut to what is allowed and is then named in the answer. */
export function waitSeconds(query: number | undefined, prefer: string | undefined, reply: FastifyReply): number {
  if (query !== undefined) return query;
  const preferred = PREFERENCE.exec(prefer ?? '')?.[1];
  if (preferred === undefined) return 0;
  const seconds = Math.min(Number(preferred), MAX_WAIT_SECONDS);
  reply.header('preference-applied', `wait=${seconds}`);
  return seconds;
}

export interface Waits {
  /** The job once it is over, or as it is when the time is up, the client gone, or the server stopping. */
  untilOver(id: JobId, seconds: number, reply: FastifyReply): Promise<Job | undefined>;
}

export function createWaits(jobs: JobStore, stopping: AbortSignal): Waits {
  let underWay = 0;
  return {
    async untilOver(id, seconds, reply) {
      if (seconds === 0 || stopping.aborted || underWay >= MAX_WAITS) return await jobs.read(id);
      const timeUp = new AbortController();
      const end = () => timeUp.abort();
      const timer = setTimeout(end, seconds * 1_000);
      reply.raw.once('close', end);
      underWay += 1;
      try {
        return await jobs.waitUntilOver(id, AbortSignal.any([timeUp.signal, stopping]));
      } finally {
        underWay -= 1;
        clearTimeout(timer);
        reply.raw.off('close', end);
      }
    },
  };
}
