import { join } from 'node:path';

// How processes of the product are run by Node.js; deploy/run says the same of the flags.

/**
 * For workers. What moves large files makes many buffers that die at once: with little room for young objects they are freed soon, which
 * costs less than it saves (measured: bench/images.ts).
 */
export const WORKER_FLAGS: readonly string[] = ['--max-semi-space-size=1'];

/** Keeps what Node.js made of the TypeScript: a process starts in half the time, and does not load what strips types (about 25 MB). */
export function compileCache(root: string): Readonly<Record<string, string>> {
  return { NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'stowage', 'compile') };
}
