import { randomBytes, randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { encodeFrame, FRAME_TYPES, FrameDecoder, MAX_PAYLOAD_BYTES } from './frame.ts';

const next = { type: FRAME_TYPES.data, stream: 2, seq: 2, ack: 0, payload: Buffer.from('behind') };

test('frames come in any pieces', () => {
  const sent = [
    { type: FRAME_TYPES.hello, stream: 0, seq: 0, ack: 0, payload: Buffer.from('{"id":"x"}') },
    { type: FRAME_TYPES.data, stream: 7, seq: 1, ack: 9, payload: randomBytes(MAX_PAYLOAD_BYTES) },
    { type: FRAME_TYPES.end, stream: 7, seq: 2, ack: 0xffff_ffff, payload: Buffer.alloc(0) },
    { type: FRAME_TYPES.data, stream: 1, seq: 3, ack: 0, payload: Buffer.from('SWSW\u0001') },
  ];
  const line = Buffer.concat(sent.map((frame) => encodeFrame(frame)));
  for (const size of [1, 2, 3, 23, 24, 25, 1_000, line.length]) {
    const decoder = new FrameDecoder();
    const found = Array.from({ length: Math.ceil(line.length / size) }, (_, at) =>
      decoder.feed(line.subarray(at * size, (at + 1) * size)),
    ).flat();
    expect(found, `in pieces of ${size}`).toEqual(sent);
    expect(decoder.skipped).toBe(0);
  }
});

test('whatever is lost of one frame, the one behind it is found, and none that was never sent', () => {
  const broken = encodeFrame({ type: FRAME_TYPES.data, stream: 1, seq: 1, payload: randomBytes(200) });
  for (let from = 0; from < broken.length; from += 1) {
    for (const size of [1, 5, 60]) {
      const rest = broken.subarray(Math.min(from + size, broken.length));
      const line = Buffer.concat([broken.subarray(0, from), rest, encodeFrame(next), Buffer.alloc(300)]);
      expect(new FrameDecoder().feed(line), `without ${size} from ${from} on`).toEqual([next]);
    }
  }
});

test('rubbish is passed over, and no more is held than a frame', () => {
  const decoder = new FrameDecoder();
  for (let at = 0; at < 200; at += 1) {
    decoder.feed(randomBytes(32 * 1_024));
    expect(decoder.heldBytes).toBeLessThanOrEqual(24 + MAX_PAYLOAD_BYTES);
  }
  const tooLong = encodeFrame(next);
  tooLong.writeUInt16BE(0xffff, 16);
  expect(new FrameDecoder().feed(tooLong)).toEqual([]);
});

test('whatever comes, nothing is thrown and little is held: bits that flip, frames that are cut, rubbish between', () => {
  const sent = Array.from({ length: 40 }, (_, at) =>
    encodeFrame({ type: 16 + (at % 6), stream: at, seq: at + 1, payload: randomBytes((at * 997) % MAX_PAYLOAD_BYTES) }),
  );
  for (let round = 0; round < 150; round += 1) {
    const line = Buffer.concat(
      sent.map((frame) => {
        const kind = randomInt(4);
        if (kind === 0) return frame.subarray(0, randomInt(frame.length));
        if (kind === 1) return Buffer.concat([randomBytes(randomInt(50)), frame]);
        const copy = Buffer.from(frame);
        if (kind === 2)
          copy.writeUInt8(copy.readUInt8(randomInt(copy.length)) ^ (1 << randomInt(8)), randomInt(copy.length));
        return copy;
      }),
    );
    const decoder = new FrameDecoder();
    for (let at = 0; at < line.length; ) {
      const size = 1 + randomInt(5_000);
      for (const { payload } of decoder.feed(line.subarray(at, at + size)))
        expect(payload.length).toBeLessThanOrEqual(MAX_PAYLOAD_BYTES);
      expect(decoder.heldBytes).toBeLessThanOrEqual(24 + MAX_PAYLOAD_BYTES);
      at += size;
    }
  }
});
