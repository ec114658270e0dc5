import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import { type Answer, empty, json } from './answer.ts';
import { findInside, requireRunning } from './container-guest.ts';
import { findReachable } from './container-reach.ts';
import { terminalSizeOf } from './terminal-size.ts';
import type { Call, DockerParts, Route } from './parts.ts';
import { isErrorCode } from '../../core/errors.ts';

const DEFAULT_PS_ARGS = '-ef';

const topSchema = z.object({ titles: z.array(z.string()), processes: z.array(z.array(z.string())) });
const changesSchema = z.object({ changes: z.array(z.object({ path: z.string(), kind: z.number() })) });

async function top(call: Call, parts: DockerParts): Promise<Answer> {
  const { record, guests } = await findInside(call, parts, 'listing the processes of a container');
  requireRunning(record);
  const psArgs = call.query.get('ps_args') ?? '';
  const params = { psArgs: psArgs === '' ? DEFAULT_PS_ARGS : psArgs };
  const { titles, processes } = parse(topSchema, await guests.call(record.name, 'top', params, call.signal));
  return json({ Titles: titles, Processes: processes });
}

async function changes(call: Call, parts: DockerParts): Promise<Answer> {
  const { record, guests } = await findReachable(call, parts, 'listing what a container has changed');
  const found = parse(changesSchema, await guests.call(record.name, 'changes', {}, call.signal)).changes;
  return json(found.length === 0 ? null : found.map(({ path, kind }) => ({ Path: path, Kind: kind })));
}

/** @throws `guest-failed` */
function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new StowageError(
    'guest-failed',
    `the guest's answer is not what was asked for: ${z.prettifyError(parsed.error)}`,
  );
}

async function resize(call: Call, parts: DockerParts): Promise<Answer> {
  const { record, guests } = await findInside(call, parts, 'resizing the terminal of a container');
  requireRunning(record);
  const size = terminalSizeOf(call.query);
  try {
    if (size !== undefined) await guests.call(record.name, 'resize', { ...size }, call.signal);
  } catch (error) {
    // It is still booting, or about to end: clients send the size again when it changes.
    if (!isErrorCode(error, 'guest-unreachable')) throw error;
  }
  return empty(200);
}

const supported = { as: 'supported' } as const;

export const containerProcessRoutes: readonly Route[] = [
  { method: 'GET', path: '/containers/{name}/top', role: 'viewer', support: supported, handler: top },
  { method: 'POST', path: '/containers/{name}/resize', role: 'operator', support: supported, handler: resize },
  {
    method: 'GET',
    path: '/containers/{name}/changes',
    role: 'viewer',
    support: supported,
    handler: changes,
  },
];
