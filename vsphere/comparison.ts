import { readSync } from 'node:fs';
import { open } from 'node:fs/promises';

/** A file of this machine beside a stream that should be the same. */
export interface Comparison {
  /** The next piece of the stream. @returns how many bytes have come so far */
  take(chunk: Uint8Array): number;
  /** So far all was the same, and this is how much there should be. */
  isSame(sizeBytes: number): boolean;
  close(): Promise<void>;
}

/** Pieces come as a socket has them, and must be looked at before the next one: so the file, which was just written, is read at once. */
export async function openComparison(file: string): Promise<Comparison> {
  const handle = await open(file);
  let own = Buffer.alloc(0);
  let at = 0;
  let isSame = true;
  return {
    take(chunk) {
      if (own.length < chunk.length) own = Buffer.allocUnsafeSlow(chunk.length);
      const length = isSame ? readSync(handle.fd, own, 0, chunk.length, at) : 0;
      isSame &&= length === chunk.length && own.subarray(0, length).equals(chunk);
      at += chunk.length;
      return at;
    },
    isSame: (sizeBytes) => isSame && at === sizeBytes,
    close: () => handle.close(),
  };
}
