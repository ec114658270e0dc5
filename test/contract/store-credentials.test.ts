import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStoreBed, serverOnPath, type StoreBed } from '../harness/store-bed.ts';

const SECRET = { type: 'password', username: 'ada-of-the-test', password: 'correct horse battery staple' } as const;
const soon = (): AbortSignal => AbortSignal.timeout(20_000);

describe('credentials that came with a request', () => {
  let bed: StoreBed;
  beforeAll(async () => {
    bed = await openStoreBed(serverOnPath('redis-server') ?? serverOnPath('valkey-server') ?? '');
  });
  afterAll(() => bed.close());

  it('reach the process that asks with the ticket, and nothing readable passes through Redis', async () => {
    const heard: string[] = [];
    const spy = bed.redis.duplicate();
    await spy.psubscribe('*');
    spy.on('pmessage', (_pattern: string, _channel: string, text: string) => heard.push(text));
    const worker = bed.open();
    const { ticket, withdraw } = bed.store.credentials.offer(SECRET);
    expect(await worker.credentials.ask(ticket, soon())).toEqual(SECRET);
    withdraw();
    await expect.poll(() => heard.some((text) => text.includes('"answer"'))).toBe(true);
    expect(heard.join('\n')).not.toContain('horse');
    expect(heard.join('\n')).not.toContain('ada-of');
    spy.disconnect();
    const values = await Promise.all((await bed.redis.keys('*')).map((key) => bed.redis.dump(key)));
    expect(values.join('\n')).not.toContain('horse');
  });

  it('are gone when they are withdrawn, or with another ticket', async () => {
    const worker = bed.open();
    bed.store.credentials.offer(SECRET).withdraw();
    await expect(worker.credentials.ask('0'.repeat(32), soon())).rejects.toMatchObject({ code: 'credentials-gone' });
  });

  it('waiting for them ends with the signal', async () => {
    const stop = new AbortController();
    const asked = bed.store.credentials.ask('0'.repeat(32), stop.signal);
    stop.abort();
    await expect(asked).rejects.toThrow();
  });

  it('a question that is none harms nobody', async () => {
    const { ticket, withdraw } = bed.store.credentials.offer(SECRET);
    await bed.redis.publish('{bed}:credentials', 'garbage');
    await bed.redis.publish(
      '{bed}:credentials',
      JSON.stringify({ type: 'ask', ticket, nonce: 'n', publicKey: 'AAAA' }),
    );
    expect(await bed.open().credentials.ask(ticket, soon())).toEqual(SECRET);
    withdraw();
  });
});
