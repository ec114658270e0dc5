import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { createGunzip, gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  bombLayer,
  corruptGzipLayer,
  ESCAPES,
  truncatedGzipLayer,
  truncatedTarLayer,
  wrongDiffIdLayer,
} from './hostile.ts';
import { digestOf } from './image.ts';
import { file, writeTar } from './tar.ts';

const MIB = 1024 * 1024;
const entries = [file('some', createHash('sha256').update('some').digest('hex').repeat(1000))];

describe('hostile layers', () => {
  test('a corrupt and a truncated gzip do not unpack', async () => {
    const [corrupt, truncated] = [await corruptGzipLayer(entries), await truncatedGzipLayer(entries)];
    expect(() => gunzipSync(corrupt.blob)).toThrow();
    expect(() => gunzipSync(truncated.blob)).toThrow('unexpected end of file');
  });

  test('a truncated tar unpacks, and is what its diffID says', async () => {
    const { blob, diffId } = await truncatedTarLayer();
    expect(digestOf(gunzipSync(blob))).toBe(diffId);
  });

  test('a wrong diffID is the only thing wrong with its layer', async () => {
    const { blob, diffId } = await wrongDiffIdLayer(entries);
    expect(gunzipSync(blob)).toEqual(writeTar(entries));
    expect(diffId).not.toBe(digestOf(gunzipSync(blob)));
  });

  test('a bomb is a thousandth of what it becomes', async () => {
    const { blob } = bombLayer(128 * MIB);
    expect(blob.length).toBeLessThan(200_000);
    let sizeBytes = 0;
    for await (const chunk of Readable.from([blob]).pipe(createGunzip())) sizeBytes += (chunk as Buffer).length;
    expect(sizeBytes).toBe(128 * MIB + 512);
  });

  test('every escape is written as it stands', () => {
    for (const escape of Object.values(ESCAPES)) {
      const tar = writeTar(escape);
      for (const { path } of escape) expect(tar.includes(path)).toBe(true);
    }
  });
});
