import { MAX_PAYLOAD_BYTES } from './frame.ts';

// JSON in frames of a link.

/** What a guest did against the protocol: the link is of no use any more. */
export class GuestFault extends Error {
  override readonly name = 'GuestFault';
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
