import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStoreBed, serverOnPath, type StoreBed } from '../harness/store-bed.ts';

describe('what the server of the queue says of itself', () => {
  let bed: StoreBed;
  beforeAll(async () => {
    bed = await openStoreBed(serverOnPath('redis-server') ?? serverOnPath('valkey-server') ?? '');
  });
  afterAll(() => bed.close());

  it('version, memory, eviction, persistence, and its clock', async () => {
    const facts = await bed.store.queueServer.inspect();
    expect(facts).toMatchObject({
      version: expect.stringMatching(/^\d+\.\d+/),
      evictionPolicy: 'noeviction',
      appendOnly: true,
      appendFsync: expect.stringMatching(/^(always|everysec)$/),
      isLastSaveGood: true,
      role: 'master',
    });
    expect(Math.abs(facts.clockMs - facts.askedAtMs)).toBeLessThan(1_000);
    await bed.redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    expect(await bed.store.queueServer.inspect()).toMatchObject({ evictionPolicy: 'allkeys-lru' });
    await bed.redis.config('SET', 'maxmemory-policy', 'noeviction');
  });

  it('where CONFIG is forbidden, INFO tells what it can', async () => {
    await bed.redis.call('ACL', 'SETUSER', 'default', '-config');
    const facts = await bed.store.queueServer.inspect();
    expect(facts).toMatchObject({ evictionPolicy: 'noeviction', appendOnly: true });
    expect(facts.appendFsync).toBeUndefined();
  });
});
