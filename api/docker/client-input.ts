import type { Duplex, Readable } from 'node:stream';
import type { DetachKeys } from './detach-keys.ts';
import { chunksOf, happened, send } from './hijack.ts';

/** ended: the client has no more. detached: it typed the keys. broken: the client or the process's end is gone. */
export type InputEnd = 'ended' | 'detached' | 'broken';

interface Route {
  readonly from: Readable;
  /** A stream of the guest that takes input. */
  readonly to: Duplex;
  /** Looked for where there is a terminal. */
  readonly keys?: DetachKeys;
  readonly signal: AbortSignal;
}

/** Carries what a client types to a process, as fast as that takes it. The client's side stays as it is. */
export async function carryInput({ from, to, keys, signal }: Route): Promise<InputEnd> {
  for await (const chunk of chunksOf(from, signal)) {
    const { input, isDetached } = keys?.feed(chunk) ?? { input: chunk, isDetached: false };
    if (input.length > 0 && !(await send(to, input, signal))) return 'broken';
    if (isDetached) return 'detached';
  }
  return from.readableEnded ? 'ended' : 'broken';
}

/** Ends it, and waits until what was written is on its way: who lets the stream go before that takes it back. */
export async function endInput(to: Duplex, signal: AbortSignal): Promise<void> {
  to.end();
  if (!to.writableFinished && !to.destroyed) await happened(to, ['finish', 'close', 'error'], signal);
}
