import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

// Both ends prove that they know the container's secret, and say where they stand. See guest/README.md.

export const NONCE_BYTES = 32;

const sequenceNumber = z.int().min(0).max(0xffff_ffff);
const hello = z.object({
  container: z.string(),
  boot: z.string().min(1).max(100),
  received: sequenceNumber,
  first: sequenceNumber.min(1),
  proof: z.string(),
  /** Which gateway it talked to last, as that one's `Welcome` named itself. */
  gateway: z.string().max(100).optional(),
});
export type Hello = z.infer<typeof hello>;

export function parseHello(payload: Buffer): Hello | undefined {
  try {
    return hello.parse(JSON.parse(payload.toString('utf8')));
  } catch {
    return undefined;
  }
}

interface Said {
  readonly secret: string;
  readonly nonce: Buffer;
  readonly container: string;
  readonly boot: string;
}

/** Binds the secret to this challenge, to who says it, and to what is said. */
export function proofOf(who: 'guest' | 'gateway', { secret, nonce, container, boot }: Said): string {
  const mac = createHmac('sha256', secret).update(nonce);
  for (const each of [who, container, boot]) mac.update('\0').update(each);
  return mac.digest('hex');
}

export function isProof(claimed: string, expected: string): boolean {
  const [a, b] = [Buffer.from(claimed), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
