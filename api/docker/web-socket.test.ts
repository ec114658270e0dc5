import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { webSocketHead, webSocketKey, WebSocketLine } from './web-socket.ts';

const MASK = Buffer.from([1, 2, 3, 4]);

function fromClient(first: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : 4);
  head[0] = first;
  head[1] = 0x80 | (length < 126 ? length : 126);
  if (length >= 126) head.writeUInt16BE(length, 2);
  return Buffer.concat([head, MASK, payload.map((byte, at) => byte ^ (MASK[at % 4] ?? 0))]);
}

test('the handshake is that of RFC 6455', () => {
  const headers = {
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  expect(webSocketKey(headers)).toBe('dGhlIHNhbXBsZSBub25jZQ==');
  expect(webSocketHead('dGhlIHNhbXBsZSBub25jZQ==')).toContain('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  expect(webSocketKey({ ...headers, 'sec-websocket-version': '8' })).toBeUndefined();
  expect(webSocketKey({ ...headers, upgrade: 'tcp' })).toBeUndefined();
});

test('messages come in any pieces, with pings between them', async () => {
  const payload = Buffer.from('0123456789'.repeat(30));
  const all = Buffer.concat([
    fromClient(0x02, payload.subarray(0, 5)),
    fromClient(0x89, Buffer.from('here?')),
    fromClient(0x80, payload.subarray(5)),
    fromClient(0x88, Buffer.from([0x03, 0xe8])),
  ]);
  for (const size of [1, 2, 7, 100, all.length]) {
    const [client, server] = duplexPair();
    const line = new WebSocketLine(server);
    const got: Buffer[] = [];
    line.on('data', (bytes: Buffer) => got.push(bytes));
    const answered = buffer(client);
    for (let at = 0; at < all.length; at += size) client.write(all.subarray(at, at + size));
    await once(line, 'close');
    expect(Buffer.concat(got).equals(payload)).toBe(true);
    expect(await answered).toEqual(Buffer.from([0x8a, 5, ...Buffer.from('here?'), 0x88, 2, 0x03, 0xe8]));
  }
});

test.for([
  ['is not masked', Buffer.from([0x82, 1, 0x78])],
  ['has bits of an extension', fromClient(0xc2, Buffer.from('x'))],
  ['is of an unknown type', fromClient(0x83, Buffer.from('x'))],
  ['is a ping that is too long', fromClient(0x89, Buffer.alloc(126))],
  ['is a ping in parts', fromClient(0x09, Buffer.from('x'))],
] as const)('a frame that %s is the end', async ([, bytes]) => {
  const [client, server] = duplexPair();
  const line = new WebSocketLine(server);
  line.resume();
  client.write(bytes);
  const answered = buffer(client);
  await once(line, 'close');
  expect(await answered).toEqual(Buffer.from([0x88, 2, 0x03, 0xea]));
});
