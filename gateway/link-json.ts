import { StowageError } from '../core/errors.ts';
import { MAX_PAYLOAD_BYTES } from './frame.ts';

// JSON in frames of a link.

/** What a guest did against the protocol: the link is of no use any more. */
export class GuestFault extends Error {
  override readonly name = 'GuestFault';
}

/** Of what a stream is for: less than its window, so that the guest has it whole before it reads anything else. */
export const MAX_PURPOSE_BYTES = 192 * 1_024;

/** What a stream is for, as its first frame says it. What is too long for a frame goes ahead of the stream's own bytes. @throws StowageError */
export function purposeOf(about: unknown): { readonly open: Buffer; readonly ahead?: Buffer } {
  const text = Buffer.from(JSON.stringify(about));
  if (text.length <= MAX_PAYLOAD_BYTES) return { open: text };
  if (text.length <= MAX_PURPOSE_BYTES) return { open: jsonOf({ follows: text.length }), ahead: text };
  throw new StowageError(
    'request-invalid',
    `a command of ${text.length} bytes, with its environment, is too long: ${MAX_PURPOSE_BYTES} bytes are the most`,
  );
}

export function jsonOf(value: unknown): Buffer {
  const text = Buffer.from(JSON.stringify(value));
  if (text.length > MAX_PAYLOAD_BYTES) throw new RangeError(`${text.length} bytes are too many for one message`);
  return text;
}

/** @throws GuestFault */
export function parsed(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'));
  } catch {
    throw new GuestFault('a message that is not JSON');
  }
}
