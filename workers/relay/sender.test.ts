import type { LookupAddress } from 'node:dns';
import { afterEach, describe, expect, test } from 'vitest';
import { createTargetGuard, type TargetPolicy } from '../../core/webhook-target.ts';
import { makeCertificate } from '../../test/harness/certificate.ts';
import { answerWith, type Behaviour, type Receiver, startReceiver } from '../../test/harness/webhook-receiver.ts';
import type { WebhookMessage } from './message.ts';
import { createWebhookSender, type SenderParts, type WebhookAnswer } from './sender.ts';

const MESSAGE: WebhookMessage = { headers: { 'webhook-id': 'msg_1' }, body: Buffer.from('{"exactly":  "this"}') };
const LAB: TargetPolicy = { allowPrivate: ['127.0.0.0/8'], allowHttp: true };
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function receive(behaviour?: Behaviour, options: Parameters<typeof startReceiver>[1] = {}): Promise<Receiver> {
  const receiver = await startReceiver(behaviour, options);
  closing.push(() => receiver.close());
  return receiver;
}

async function send(url: string, parts: Partial<SenderParts> = {}): Promise<WebhookAnswer> {
  const sender = createWebhookSender({ guard: createTargetGuard(LAB), ...parts });
  closing.unshift(() => sender.close());
  return await sender.send(url, MESSAGE, new AbortController().signal);
}

/** A resolver that gives one answer after the other, and counts how often it is asked. */
function names(...answers: readonly (readonly string[])[]) {
  const state = {
    asked: 0,
    resolve: async (): Promise<LookupAddress[]> => {
      const found = answers[Math.min(state.asked, answers.length - 1)] ?? [];
      state.asked += 1;
      return found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    },
  };
  return state;
}

describe('what is sent', () => {
  test('is the bytes and headers of the message; the beginning of the answer comes back, without cookies', async () => {
    const receiver = await receive(answerWith(202, { 'x-request': '7', 'set-cookie': 'session=1' }, 'thanks'));
    expect(await send(receiver.url)).toMatchObject({ status: 202, headers: { 'x-request': '7' }, body: 'thanks' });
    expect(receiver.received).toMatchObject([{ body: '{"exactly":  "this"}', path: '/hook?key=hush', id: 'msg_1' }]);
    expect((await send(receiver.url)).headers).not.toHaveProperty('set-cookie');
  });

  test('a redirect is an answer, and is not followed', async () => {
    const other = await receive();
    const receiver = await receive(answerWith(307, { location: other.url }));
    expect(await send(receiver.url)).toMatchObject({ status: 307 });
    expect(other.received).toEqual([]);
  });

  test.each<readonly [string, Behaviour]>([
    ['closes without an answer', (_one, response) => response.destroy()],
    [
      'closes in the middle of its answer',
      (_one, response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('half', () => response.destroy());
      },
    ],
    ['closes in the middle of the headers', (_one, response) => response.socket?.end('HTTP/1.1 200 OK\r\ncontent-le')],
    ['does not speak HTTP', (_one, response) => response.socket?.end('SSH-2.0-OpenSSH_9.2\r\n')],
  ])('a receiver that %s is an error', async (_what, behaviour) => {
    const receiver = await receive(behaviour);
    expect((await send(receiver.url)).error).toEqual(expect.any(String));
  });

  test('a receiver that takes too long, with its headers or its body, is an error', async () => {
    const silent = await receive(() => undefined);
    expect(await send(silent.url, { timeoutMs: 50 })).toEqual({ error: 'the receiver took too long' });
    const dripping = await receive((_one, response) => response.writeHead(200).write('.'));
    expect(await send(dripping.url, { timeoutMs: 50 })).toMatchObject({ error: 'the receiver took too long' });
  });

  test('an answer without end is cut', async () => {
    const receiver = await receive((_one, response) => {
      const pour = (): void => void (response.writable && response.write('x'.repeat(10_000), pour));
      response.writeHead(200);
      pour();
    });
    const answer = await send(receiver.url);
    expect(answer).toMatchObject({ status: 200, body: 'x'.repeat(1_024) });
    expect(answer.error).toBeUndefined();
  });

  test('nobody there is an error', async () => {
    const receiver = await startReceiver();
    await receiver.close();
    expect((await send(receiver.url)).error).toContain('ECONNREFUSED');
  });
});

describe('TLS', () => {
  test('a certificate that nobody known has signed, or for another name, is an error; nothing is sent', async () => {
    const certificate = await makeCertificate();
    const receiver = await receive(answerWith(204), { certificate });
    expect((await send(receiver.url)).error).toMatch(/self[- ]signed/);
    expect(await send(receiver.url, { caPem: certificate.cert })).toMatchObject({ status: 204 });
    const byName = receiver.url.replace('127.0.0.1', 'hooks.example.test');
    const { resolve } = names(['127.0.0.1']);
    expect((await send(byName, { caPem: certificate.cert, resolve })).error).toContain(
      "does not match certificate's altnames",
    );
    expect(receiver.received).toHaveLength(1);
  });

  test('the connection goes to the address that was checked, with the name for TLS and in Host', async () => {
    const certificate = await makeCertificate('DNS:hooks.example.test');
    const receiver = await receive(answerWith(204), { certificate });
    const resolver = names(['127.0.0.1'], ['8.8.8.8']);
    const url = `https://hooks.example.test:${receiver.port}/hook`;
    expect(await send(url, { caPem: certificate.cert, resolve: resolver.resolve })).toMatchObject({ status: 204 });
    expect(resolver.asked).toBe(1);
    expect(receiver.received).toMatchObject([
      { serverName: 'hooks.example.test', headers: { host: `hooks.example.test:${receiver.port}` } },
    ]);
  });
});

describe('addresses that are not allowed', () => {
  const strict = createTargetGuard({ allowPrivate: [], allowHttp: true });

  test.each([
    ['one', [['127.0.0.1']]],
    ['one among public ones', [['203.0.114.1', '127.0.0.1']]],
    ['an IPv4-mapped one', [['::ffff:127.0.0.1']]],
    ['IPv6 loopback', [['::1']]],
  ])('a name with %s is refused, and nothing is connected to', async (_what, answers) => {
    const receiver = await receive();
    const { resolve } = names(...answers);
    const answer = await send(`http://rebind.example.test:${receiver.port}/`, { guard: strict, resolve });
    expect(answer.error).toContain('rebind.example.test is refused');
    expect(receiver.received).toEqual([]);
  });

  test('a URL with such an address, however it is written, is refused', async () => {
    const receiver = await receive();
    for (const host of ['127.0.0.1', '2130706433', '0x7f000001', '[::ffff:127.0.0.1]', '127.1']) {
      const answer = await send(`http://${host}:${receiver.port}/`, { guard: strict });
      expect(answer.error).toContain('loopback');
    }
    expect(receiver.received).toEqual([]);
  });

  test('a name without an address, or that does not exist, is an error', async () => {
    const { resolve } = names([]);
    expect((await send('http://empty.example.test/', { resolve })).error).toContain('has no address');
    expect((await send('http://nowhere.invalid/')).error).toMatch(/ENOTFOUND|EAI_AGAIN/);
  });
});
