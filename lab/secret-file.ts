import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import type { RandomBytes } from '../platform/clock.ts';

/** The secret that the file holds; the first call makes one of 32 random bytes. Only the owner may read it. */
export function keepSecret(path: string, randomBytes: RandomBytes): string {
  try {
    writeFileSync(path, `${Buffer.from(randomBytes(32)).toString('base64url')}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  chmodSync(path, 0o600);
  return readFileSync(path, 'utf8').trim();
}

/** Writes what changes with every run and is secret, e.g. an address with a password. */
export function writeSecret(path: string, text: string): void {
  writeFileSync(path, `${text}\n`, { mode: 0o600 });
  chmodSync(path, 0o600);
}
