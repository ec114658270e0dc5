import { expect, test } from 'vitest';
import { type Frame, framesOf } from './frames.ts';

async function all(frames: AsyncIterable<Frame>): Promise<readonly Frame[]> {
  const found: Frame[] = [];
  for await (const frame of frames) found.push(frame);
  return found;
}

async function read(chunks: readonly string[]): Promise<readonly Frame[]> {
  const bytes = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(bytes.encode(chunk));
      controller.close();
    },
  });
  return await all(framesOf(body));
}

test('messages are cut where they end, wherever the network cuts them', async () => {
  const text = 'retry: 1000\n\nid: 7-0\nevent: job.dead\ndata: {"id":"7-0"}\n\n: beat\nid: 9-0\n\n';
  const expected = [{}, { id: '7-0', data: '{"id":"7-0"}' }, { id: '9-0' }];
  expect(await read([text])).toEqual(expected);
  expect(await read(Array.from({ length: text.length }, (_, at) => text.charAt(at)))).toEqual(expected);
});

test('lines of data belong together, and half a message is none', async () => {
  expect(await read(['data: one\ndata: two\n\ndata: never finis'])).toEqual([{ data: 'one\ntwo' }]);
});

test('letters that are cut in half arrive whole', async () => {
  const bytes = new TextEncoder().encode('data: größer\n\n');
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
      controller.close();
    },
  });
  expect(await all(framesOf(body))).toEqual([{ data: 'größer' }]);
});
