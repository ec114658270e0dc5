import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StowageError } from '../../core/errors.ts';
import { type JobId, newJobId, resourceKey } from '../../core/ids.ts';
import type { DeadGroup, DeadRun, DeadSelection } from '../../core/ports/dead-letters.ts';
import { randomBytes } from '../../platform/clock.ts';
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

  const runOf = async (cutoffAt = new Date().toISOString()): Promise<DeadRun> => {
    const id = await bed.submit([]);
    const { epoch } = await bed.claim(id);
    return { job: id, epoch, actor: 'ann', cutoffAt };
  };
  const idsOf = async (selection: DeadSelection, limit = 100): Promise<readonly JobId[]> => {
    const ids: JobId[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await bed.store.deadLetters.select(selection, {
        limit,
        ...(cursor === undefined ? {} : { cursor }),
      });
      ids.push(...page.items.map(({ id }) => id));
      cursor = page.next;
      if (cursor === undefined) return ids;
    }
  };

  it('a run redrives a dead letter once, however often it asks, and counts it when it dies again', async () => {
    const { deadLetters } = bed.store;
    const run = await runOf();
    const id = await die(await bed.submit(['run-one'], { kind: 'run.kind' }));
    const late = { ...run, cutoffAt: new Date(Date.now() + 60_000).toISOString() };
    expect(await deadLetters.redrive(late, id)).toEqual({
      outcome: 'done',
      tally: { settled: 1, over: 0, deadAgain: 0 },
    });
    expect(await bed.read(id)).toMatchObject({ state: 'waiting', redriveCount: 1, redriveRun: run.job });
    expect((await deadLetters.redrive(late, id)).outcome).toBe('again');
    await die(id);
    expect(await deadLetters.redrive(late, id)).toEqual({
      outcome: 'again',
      tally: { settled: 1, over: 1, deadAgain: 1 },
    });
    expect(await bed.read(id)).toMatchObject({ state: 'dead', redriveCount: 1 });
    // Then somebody redrives it by hand: that is none of the run's business.
    await bed.store.jobs.redrive(id, 'bob');
    expect((await bed.read(id)).redriveRun).toBeUndefined();
    await bed.succeed(id);
    expect(await deadLetters.tally(run.job)).toEqual({ settled: 1, over: 1, deadAgain: 1 });
  });

  it('a run leaves alone what died after its cutoff, what is no dead letter, and what there is not', async () => {
    const { deadLetters } = bed.store;
    const run = await runOf(new Date(Date.now() - 1_000).toISOString());
    const late = await die(await bed.submit(['late'], { kind: 'late.kind' }));
    const open = await bed.submit(['open'], { kind: 'late.kind' });
    expect(await idsOf({ filter: { kind: 'late.kind' }, cutoffAt: run.cutoffAt })).toEqual([]);
    for (const id of [late, open, '0'.repeat(26) as JobId]) {
      expect((await deadLetters.redrive(run, id)).outcome).toBe('skipped');
      expect((await deadLetters.discard(run, id, 'no')).outcome).toBe('skipped');
    }
    expect(await bed.read(late)).toMatchObject({ state: 'dead', redriveCount: 0 });
  });

  it('a run whose claim is lost settles nothing', async () => {
    const run = await runOf(new Date(Date.now() + 60_000).toISOString());
    const id = await die(await bed.submit(['lost'], { kind: 'lost.kind' }));
    const older = { ...run, epoch: run.epoch - 1 };
    await expect(bed.store.deadLetters.redrive(older, id)).rejects.toMatchObject({ code: 'claim-lost' });
    await expect(bed.store.deadLetters.discard(older, id, 'no')).rejects.toMatchObject({ code: 'claim-lost' });
    expect((await bed.store.deadLetters.discard(run, id, 'yes')).outcome).toBe('done');
    expect((await bed.store.deadLetters.discard(run, id, 'yes')).outcome).toBe('again');
    expect(await bed.read(id)).toMatchObject({ state: 'failed', discardReason: 'yes' });
  });

  it('a selection goes in the order of deaths, page by page, also where many died at one time', async () => {
    const kind = 'selected.kind';
    const ids: JobId[] = [];
    for (let at = 0; at < 7; at += 1)
      ids.push(await die(await bed.submit([`selected-${at}`], { kind, actor: `a${at % 2}` })));
    const at = Date.now() - 5_000;
    for (const id of ids.slice(0, 5)) {
      await bed.redis.zadd('{bed}:dead', at, id);
      const member = await bed.redis.hget('{bed}:dead-group-of', id);
      await bed.redis.zadd(`{bed}:dead-in:${member?.split(' ')[0]}`, at, id);
    }
    const cutoffAt = new Date(Date.now() + 1).toISOString();
    const ordered = [...ids.slice(0, 5).toSorted(), ...ids.slice(5)];
    for (const limit of [1, 2, 100]) expect(await idsOf({ filter: { kind }, cutoffAt }, limit)).toEqual(ordered);
    expect(await idsOf({ ids: ids.toReversed(), cutoffAt }, 2)).toEqual(ordered);
    const [group] = await groupsOf(kind);
    const fingerprints = [group?.fingerprint ?? '', 'f'.repeat(16)];
    expect(await idsOf({ filter: { fingerprints, actor: 'a1' }, cutoffAt }, 2)).toHaveLength(3);
    expect(await idsOf({ filter: { resource: resourceKey('volume', 'selected-6') }, cutoffAt })).toEqual([ids[6]]);
    const until = new Date(at).toISOString();
    for (const filter of [
      { kind, until },
      { kind, until, actor: 'a0' },
    ]) {
      const { matched, byKind } = await bed.store.deadLetters.count({ filter, cutoffAt });
      expect(byKind).toEqual([{ kind, count: matched }]);
      expect(await idsOf({ filter, cutoffAt })).toHaveLength(matched);
    }
    expect(await bed.store.deadLetters.count({ filter: { kind, since: cutoffAt }, cutoffAt })).toEqual({
      matched: 0,
      byKind: [],
    });
  });

  it('a selection misses none where more died at one time than are read at once', async () => {
    const at = Date.now() - 60_000;
    const ids = Array.from({ length: 2_100 }, () => newJobId(at, randomBytes(10)));
    const member = `${'0'.repeat(16)}:volume-in-use:tied.kind test`;
    await bed.redis.zadd('{bed}:dead', ...ids.flatMap((id) => [at, id]));
    await bed.redis.hset('{bed}:dead-group-of', ...ids.flatMap((id) => [id, member]));
    const cutoffAt = new Date().toISOString();
    for (const limit of [300, 5_000])
      expect(await idsOf({ filter: { kind: 'tied.kind' }, cutoffAt }, limit)).toEqual(ids.toSorted());
    await bed.redis.zrem('{bed}:dead', ...ids);
    await bed.redis.hdel('{bed}:dead-group-of', ...ids);
  });

  it('a filter that names no kind leaves out the jobs that work through dead letters', async () => {
    const id = await die(await bed.submit(['bulk'], { kind: 'dead.redrive' }));
    const cutoffAt = new Date(Date.now() + 1).toISOString();
    expect(await idsOf({ filter: {}, cutoffAt })).not.toContain(id);
    expect(await idsOf({ filter: { kind: 'dead.redrive' }, cutoffAt })).toEqual([id]);
    expect(await idsOf({ ids: [id], cutoffAt })).toEqual([id]);
  });
});
