import { PassThrough, Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { bytesOf, errorIn, type Piece, readPieces } from './pieces.ts';

const never = new AbortController().signal;

function piece(type: number, payload: string | Buffer | object): Buffer {
  const bytes = Buffer.isBuffer(payload)
    ? payload
    : Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
  const head = Buffer.alloc(8);
  head[0] = type;
  head.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([head, bytes]);
}

async function read(chunks: readonly Buffer[]): Promise<readonly Piece[]> {
  const stream = Readable.from(chunks, { objectMode: false });
  return await all(readPieces(stream, never));
}

async function all<T>(source: AsyncIterable<T>): Promise<readonly T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

describe('pieces', () => {
  const bytes = Buffer.concat([piece(4, { pid: 7 }), piece(1, 'out'), piece(2, ''), piece(1, 'more'), piece(3, {})]);

  test('are the same however the bytes are cut', async () => {
    const whole = await read([bytes]);
    expect(whole).toEqual([
      { type: 'news', about: { pid: 7 } },
      { type: 'stdout', bytes: Buffer.from('out') },
      { type: 'stderr', bytes: Buffer.alloc(0) },
      { type: 'stdout', bytes: Buffer.from('more') },
      { type: 'last', about: {} },
    ]);
    for (const size of [1, 3, 7, 11]) {
      const cut = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
        bytes.subarray(at * size, (at + 1) * size),
      );
      expect(await read(cut)).toEqual(whole);
    }
  });

  test('end with the last one', async () => {
    expect(await read([Buffer.concat([piece(3, {}), piece(1, 'late')])])).toEqual([{ type: 'last', about: {} }]);
  });

  test('a stream that ends before its last, or holds something else, is an error', async () => {
    await expect(read([piece(1, 'out')])).rejects.toMatchObject({ code: 'guest-failed' });
    await expect(read([bytes.subarray(0, 20)])).rejects.toMatchObject({ code: 'guest-failed' });
    await expect(read([piece(9, 'x')])).rejects.toMatchObject({ code: 'guest-failed' });
    await expect(read([piece(3, 'no json')])).rejects.toMatchObject({ code: 'guest-failed' });
    await expect(read([piece(1, Buffer.alloc(70_000))])).rejects.toMatchObject({ code: 'guest-failed' });
  });

  test('a stream that breaks fails with its own error', async () => {
    const stream = new PassThrough();
    stream.write(piece(1, 'out'));
    const reading = all(readPieces(stream, never));
    stream.destroy(new Error('the line broke'));
    await expect(reading).rejects.toThrow('the line broke');
  });

  test('bytes fail with the error of the last piece', async () => {
    const stream = Readable.from(
      [piece(1, 'a tar'), piece(3, { error: { code: 'not-found', message: 'no such file' } })],
      { objectMode: false },
    );
    const read = bytesOf(stream, never);
    expect((await read.next()).value).toEqual(Buffer.from('a tar'));
    await expect(read.next()).rejects.toMatchObject({ code: 'guest-path-not-found', message: 'no such file' });
  });

  test('errors have the codes of the catalogue', () => {
    expect(errorIn({ result: {} })).toBeUndefined();
    expect(errorIn({ error: { code: 'conflict', message: 'm' } })).toMatchObject({ code: 'guest-conflict' });
    expect(errorIn({ error: { code: 'invalid', message: 'm' } })).toMatchObject({ code: 'guest-refused' });
    expect(errorIn({ error: {} })).toMatchObject({ code: 'guest-failed' });
  });
});
