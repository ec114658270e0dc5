import type { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { StowageError } from '../../core/errors.ts';
import { chunksOf } from './hijack.ts';

const MAGICS = [
  { name: 'gzip', magic: '1f8b', create: createGunzip },
  { name: 'zstd', magic: '28b52ffd', create: createZstdDecompress },
  { name: 'bzip2', magic: '425a68' },
  { name: 'xz', magic: 'fd377a585a00' },
] as const;

/** A tar that a client sends; it may be compressed, and only its first bytes say so. @throws `request-invalid` */
export async function decompressed(body: Readable, signal: AbortSignal): Promise<Readable> {
  const first = await chunksOf(body, signal).next();
  if (first.done === true) return body;
  body.unshift(first.value);
  const start = first.value.subarray(0, 8).toString('hex');
  const found = MAGICS.find(({ magic }) => start.startsWith(magic));
  if (found === undefined) return body;
  if (!('create' in found))
    throw new StowageError(
      'request-invalid',
      `the archive is compressed with ${found.name}: send a tar, or one with gzip`,
    );
  const tar = found.create();
  tar.on('error', () => undefined);
  body.once('close', () => {
    if (!body.readableEnded) tar.destroy();
  });
  return body.pipe(tar);
}
