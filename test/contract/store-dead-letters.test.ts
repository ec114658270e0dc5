import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StowageError } from '../../core/errors.ts';
import type { JobId } from '../../core/ids.ts';
import type { DeadGroup } from '../../core/ports/dead-letters.ts';
import { openStoreBed, serverOnPath, type StoreBed } from '../harness/store-bed.ts';

// Groups of dead letters and what is done to many of them, on every server that there is.

const SERVERS = ['redis-server', 'valkey-server'].map((name) => ({ name, path: serverOnPath(name) }));

describe.for(SERVERS.filter((server) => server.path !== undefined))('dead letters on $name', ({ path }) => {
  let bed: StoreBed;
  beforeAll(async () => {
    bed = await openStoreBed(path ?? '');
  });
  afterAll(() => bed.close());

  const die = async (id: JobId, why = 'is in use'): Promise<JobId> => {
    const claim = await bed.claim(id);
    const name = claim.job.resources[0]?.slice('volume:'.length);
    const error = new StowageError('volume-in-use', `volume ${name} ${why}`).facts;
    await bed.store.claims.commit(claim, { end: { state: 'dead', error }, step: 'two' });
    return id;
  };
  const groupsOf = async (kind: string): Promise<readonly DeadGroup[]> =>
    (await bed.store.deadLetters.groups({ kind }, { limit: 100 })).items;

  it('a dead letter that dies again for another reason is in one group, the other one', async () => {
    const id = await die(await bed.submit(['moves'], { kind: 'moving.kind' }));
    const [before] = await groupsOf('moving.kind');
    await bed.store.jobs.redrive(id, 'somebody');
    expect(await groupsOf('moving.kind')).toEqual([]);
    await die(id, 'is damaged');
    const after = await groupsOf('moving.kind');
    expect(after).toMatchObject([{ count: 1, step: 'two', message: 'volume moves is damaged', oldestJob: id }]);
    expect(after[0]?.fingerprint).not.toBe(before?.fingerprint);
    expect((await bed.read(id)).error).toMatchObject({ fingerprint: after[0]?.fingerprint });
  });

  it('a group counts, and tells of the first and the last death, and of the oldest and newest that are there', async () => {
    const ids: JobId[] = [];
    for (const name of ['first', 'second', 'third'])
      ids.push(await die(await bed.submit([name], { kind: 'told.kind' })));
    const [whole] = await groupsOf('told.kind');
    expect(whole).toMatchObject({ count: 3, oldestJob: ids[0], newestJob: ids[2], message: 'volume third is in use' });
    await bed.store.jobs.discard(ids[0] ?? ('' as JobId), 'me', 'enough');
    const [rest] = await groupsOf('told.kind');
    expect(rest).toMatchObject({ count: 2, oldestJob: ids[1], firstSeenAt: whole?.firstSeenAt });
  });

  // Data directories outlive versions, and processes of two versions run side by side while one is rolled out.
  it('dead letters of a version that knew no groups get theirs, at a listing or a sweep', async () => {
    const [one, two] = [
      await die(await bed.submit(['old-one'], { kind: 'upgraded.kind' })),
      await die(await bed.submit(['old-two'], { kind: 'upgraded.kind' })),
    ];
    const [whole] = await groupsOf('upgraded.kind');
    const forget = async (): Promise<void> => {
      const keys = await bed.redis.keys('{bed}:dead-*');
      await bed.redis.del(...keys);
      for (const id of [one, two]) {
        const { fingerprint: _, ...error } = (await bed.read(id)).error ?? {};
        await bed.redis.hset(`{bed}:job:${id}`, 'error', JSON.stringify(error));
      }
    };
    await forget();
    expect(await groupsOf('upgraded.kind')).toEqual([whole]);
    expect((await bed.read(one)).error?.fingerprint).toBe(whole?.fingerprint);
    await forget();
    await bed.store.upkeep.sweep(60_000);
    expect(await bed.redis.hlen('{bed}:dead-group-of')).toBe(await bed.redis.zcard('{bed}:dead'));
    expect(await groupsOf('upgraded.kind')).toEqual([whole]);
  });

  it('what an older version took from the dead letters leaves its group, and what nobody can read is none', async () => {
    const kind = 'left.kind';
    const [gone, unreadable] = [
      await die(await bed.submit(['gone'], { kind })),
      await die(await bed.submit(['x'], { kind })),
    ];
    await bed.redis.zrem('{bed}:dead', gone);
    expect(await groupsOf(kind)).toMatchObject([{ count: 1, oldestJob: unreadable }]);
    await bed.redis.hdel(`{bed}:job:${unreadable}`, 'spec');
    await bed.redis.hdel('{bed}:dead-group-of', unreadable);
    await groupsOf(kind);
    expect(await bed.redis.zscore('{bed}:dead', unreadable)).toBeNull();
  });
});
