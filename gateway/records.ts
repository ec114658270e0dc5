import { z } from 'zod';
import type { GuestState } from '../core/guest.ts';
import { type Entry, ENTRY_KINDS } from './log-entry.ts';
import { GuestFault } from './link-json.ts';

// What a guest says of its container: output and state, as guest/PROTOCOL.md has them.

const HEAD_BYTES = 17;

/** The payload of a frame `record`, as the log keeps it. @throws GuestFault */
export function parseRecord(payload: Buffer): Entry {
  const kind = payload[0];
  if (payload.length < HEAD_BYTES || (kind !== ENTRY_KINDS.stdout && kind !== ENTRY_KINDS.stderr))
    throw new GuestFault('output that is none');
  const offset = payload.readBigUInt64BE(9);
  if (offset > BigInt(Number.MAX_SAFE_INTEGER) - 65_536n) throw new GuestFault('output at an offset that cannot be');
  return {
    kind,
    timeNs: payload.readBigUInt64BE(1),
    offset: Number(offset),
    payload: payload.subarray(HEAD_BYTES),
  };
}

const state = z.object({
  type: z.literal('state'),
  state: z.enum(['booting', 'running', 'exited', 'failed']),
  pid: z.int().exactOptional(),
  exitCode: z.int().exactOptional(),
  oomKilled: z.boolean().exactOptional(),
  message: z.string().max(16_384).exactOptional(),
  startedAt: z.string().max(100).exactOptional(),
});

/** undefined: a message about something else. */
export function parseState(message: unknown): GuestState | undefined {
  const read = state.safeParse(message);
  if (!read.success) return undefined;
  const { type: _, ...rest } = read.data;
  return rest;
}
