import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { ContainerRecord } from '../../core/container.ts';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import { type Answer, json } from './answer.ts';
import { findInside, type Inside } from './container-guest.ts';
import { dockerState } from './container-state.ts';
import type { Call, DockerParts, Route } from './parts.ts';
import { flagOf } from './query.ts';
import { type GuestStats, renderStats, type Sample } from './stats-view.ts';

const EVERY_MS = 1_000;

const statsSchema: z.ZodType<GuestStats> = z.object({
  cpuUsec: z.number(),
  cpuUserUsec: z.number(),
  cpuSystemUsec: z.number(),
  systemUsec: z.number(),
  cpus: z.number(),
  memoryBytes: z.number(),
  memoryLimitBytes: z.number(),
  inactiveFileBytes: z.number(),
  pids: z.number(),
  readBytes: z.number(),
  writeBytes: z.number(),
  networks: z.record(
    z.string(),
    z.object({ rxBytes: z.number(), rxPackets: z.number(), txBytes: z.number(), txPackets: z.number() }),
  ),
});

async function stats(call: Call, parts: DockerParts): Promise<Answer> {
  const inside = await findInside(call, parts, 'measuring what a container uses');
  if (flagOf(call.query, 'stream', true)) return { type: 'lines', lines: samples(inside, call, parts) };
  const first = await measure(inside, call, parts);
  if (first === undefined || flagOf(call.query, 'one-shot')) return json(renderStats(inside.record, first, undefined));
  await sleep(EVERY_MS, undefined, { signal: call.signal });
  return json(renderStats(inside.record, await measure(inside, call, parts), first));
}

/** One a second, also of a container that does not run (yet), until it is removed. */
async function* samples(inside: Inside, call: Call, parts: DockerParts): AsyncGenerator<object> {
  let before: Sample | undefined;
  let record: ContainerRecord | undefined = inside.record;
  while (record !== undefined && !call.signal.aborted) {
    const now = await measure({ ...inside, record }, call, parts);
    yield renderStats(record, now, before);
    before = now;
    await sleep(EVERY_MS, undefined, { signal: call.signal }).catch(() => undefined);
    record = (await parts.records.read('container', record.name))?.record;
  }
}

/** undefined: there is nothing to measure. */
async function measure({ record, guests }: Inside, call: Call, { clock }: DockerParts): Promise<Sample | undefined> {
  if (dockerState(record) !== 'running') return undefined;
  try {
    const answer = statsSchema.safeParse(await guests.call(record.name, 'stats', {}, call.signal));
    if (!answer.success) throw new StowageError('guest-failed', 'the guest does not say what the container uses');
    return { at: new Date(clock.nowMs()).toISOString(), stats: answer.data };
  } catch (error) {
    // It boots, or has just ended.
    if (call.signal.aborted || isErrorCode(error, 'guest-unreachable')) return undefined;
    throw error;
  }
}

export const containerStatRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/containers/{name}/stats',
    role: 'viewer',
    support: { as: 'partial', missing: 'blocks by device, dropped packets, throttling' },
    handler: stats,
  },
];
