import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { encodeFrame, FRAME_TYPES, FrameDecoder } from './frame.ts';
import { isProof, NONCE_BYTES, parseHello, proofOf } from './handshake.ts';

// The first words on a connection: whose guest is at its other end is not known before.

const REPEAT_MS = 250;
/** What a stranger may send before it says who it is. Of a line that was cut, old frames may come first. */
const MAX_BYTES = 4 * 1_024 * 1_024;

/** A guest that has proved who it is, and where it stands. */
export interface Greeted {
  readonly container: string;
  readonly secret: string;
  readonly boot: string;
  /** Of ours: the sequence number up to which it has everything. */
  readonly received: number;
  /** Of its own: the lowest that it can still send. */
  readonly first: number;
  /** The one that it talked to last. */
  readonly gateway?: string;
  readonly nonce: Buffer;
  /** Has what came after the hello. */
  readonly decoder: FrameDecoder;
}

export type GreetingFault = 'late' | 'closed' | 'too-much' | 'unknown' | 'wrong-secret';

export interface GreetingConfig {
  /** undefined: no such container can be. */
  readonly secretOf: (container: string) => string | undefined;
  /** 0: without end. */
  readonly deadlineMs: number;
}

/** Challenges whoever is there until it has proved who it is. Afterwards the line is paused; where the greeting failed it is closed. */
export async function greet(line: Duplex, config: GreetingConfig): Promise<Greeted | GreetingFault> {
  const { promise, resolve } = Promise.withResolvers<Greeted | GreetingFault>();
  const nonce = randomBytes(NONCE_BYTES);
  const decoder = new FrameDecoder();
  const challenge = (): void => {
    // One that takes nothing does not make us keep challenges for it.
    if (line.writableLength === 0) line.write(encodeFrame({ type: FRAME_TYPES.challenge, payload: nonce }));
  };
  let bytes = 0;
  const onData = (piece: Buffer): void => {
    bytes += piece.length;
    const hello = decoder.feed(piece).find(({ type }) => type === FRAME_TYPES.hello);
    if (hello !== undefined) resolve(verified(hello.payload, nonce, decoder, config));
    else if (bytes > MAX_BYTES) resolve('too-much');
  };
  const onClose = (): void => resolve('closed');
  const repeats = setInterval(challenge, REPEAT_MS);
  const deadline = config.deadlineMs === 0 ? undefined : setTimeout(() => resolve('late'), config.deadlineMs);
  line.on('data', onData).on('close', onClose);
  if (line.destroyed) resolve('closed');
  challenge();
  line.resume();
  try {
    const outcome = await promise;
    if (typeof outcome === 'string') line.destroy();
    return outcome;
  } finally {
    clearInterval(repeats);
    clearTimeout(deadline);
    line.pause().off('data', onData).off('close', onClose);
  }
}

function verified(
  payload: Buffer,
  nonce: Buffer,
  decoder: FrameDecoder,
  { secretOf }: GreetingConfig,
): Greeted | GreetingFault {
  const hello = parseHello(payload);
  const secret = hello === undefined ? undefined : secretOf(hello.container);
  if (hello === undefined || secret === undefined) return 'unknown';
  const { proof, gateway, ...rest } = hello;
  if (!isProof(proof, proofOf('guest', { secret, nonce, container: rest.container, boot: rest.boot })))
    return 'wrong-secret';
  return { ...rest, secret, nonce, decoder, ...(gateway === undefined ? {} : { gateway }) };
}
