import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StowageError } from '../../core/errors.ts';
import { resourceKey } from '../../core/ids.ts';
import type { RecordChange } from '../../core/record.ts';
import { openStoreBed, serverOnPath, type StoreBed, submissionOf, volumeRecord } from '../harness/store-bed.ts';

// Lines, claims and records, on every server that there is.

const SERVERS = ['redis-server', 'valkey-server'].map((name) => ({ name, path: serverOnPath(name) }));
const ERROR = new StowageError('vcenter-busy', 'for the test').facts;
const DEAD = { end: { state: 'dead', error: ERROR } } as const;
const AGAIN = (retryInMs: number) => ({ end: { state: 'waiting', error: ERROR, retryInMs, counts: true } }) as const;

let fresh = 0;
/** A name that no other test has. */
const name = (): string => `vol${(fresh += 1)}`;

it('there is a server to test with', () => {
  expect(SERVERS.some((server) => server.path !== undefined)).toBe(true);
});

describe.for(SERVERS.filter((server) => server.path !== undefined))('the store on $name', ({ path }) => {
  let bed: StoreBed;
  beforeAll(async () => {
    bed = await openStoreBed(path ?? '');
  });
  afterAll(() => bed.close());

  describe('lines', () => {
    it('jobs on one resource take turns in the order of submission', async () => {
      const line = name();
      const ids = [await bed.submit([line]), await bed.submit([line]), await bed.submit([line])] as const;
      expect(await Promise.all(ids.map(bed.hasEntry))).toEqual([true, false, false]);
      expect((await bed.acquire(ids[1])).outcome).toBe('behind');
      expect(await bed.store.jobs.standing(ids[2])).toEqual([{ resource: `volume:${line}`, head: ids[0], ahead: 2 }]);
      await bed.succeed(ids[0]);
      expect(await Promise.all(ids.slice(1).map(bed.hasEntry))).toEqual([true, false]);
      await bed.succeed(ids[1]);
      await bed.succeed(ids[2]);
      expect(await bed.redis.exists(`{bed}:line:volume:${line}`, `{bed}:claim:volume:${line}`)).toBe(0);
    });

    it('a job on many resources runs when it is first at all of them', async () => {
      const [a, b] = [name(), name()];
      const [first, second] = [await bed.submit([a]), await bed.submit([b])];
      const both = await bed.submit([a, b]);
      const after = await bed.submit([b]);
      await bed.succeed(first);
      expect([await bed.hasEntry(both), (await bed.acquire(both)).outcome]).toEqual([false, 'behind']);
      await bed.succeed(second);
      expect([await bed.hasEntry(both), (await bed.acquire(after)).outcome]).toEqual([true, 'behind']);
      await bed.succeed(both);
      expect(await bed.hasEntry(after)).toBe(true);
    });

    it('a job that fails for a while keeps its place; one that is dead leaves it', async () => {
      const line = name();
      const [first, second] = [await bed.submit([line]), await bed.submit([line])];
      await bed.store.claims.commit(await bed.claim(first), AGAIN(60_000));
      expect((await bed.acquire(second)).outcome).toBe('behind');
      expect(await bed.acquire(first)).toMatchObject({ outcome: 'early', delayMs: expect.closeTo(60_000, -4) });
      await bed.redis.hdel(`{bed}:job:${first}`, 'retryAt');
      await bed.store.claims.commit(await bed.claim(first), DEAD);
      expect(await bed.hasEntry(second)).toBe(true);
      await bed.succeed(second);
    });

    it('a job at the front takes the claim from the running one, which runs again afterwards', async () => {
      const line = name();
      const running = await bed.submit([line]);
      const old = await bed.claim(running);
      const told: string[] = [];
      const stop = bed.store.claims.onSignal((signal) => told.push(`${signal.type} ${signal.id}`));
      const behind = await bed.submit([line]);
      const front = await bed.submit([line], { front: true });
      expect((await bed.read(running)).epoch).toBeGreaterThan(old.epoch);
      await expect(bed.store.claims.commit(old, { notes: { late: true } })).rejects.toMatchObject({
        code: 'claim-lost',
      });
      expect(await bed.store.claims.confirm(old)).toBe('lost');
      await expect.poll(() => told).toEqual([`lost ${running}`]);
      stop();
      expect((await bed.acquire(running)).outcome).toBe('behind');
      await bed.succeed(front);
      expect([await bed.hasEntry(running), await bed.hasEntry(behind)]).toEqual([true, false]);
      const again = await bed.claim(running);
      expect(again.job.attempts.map((attempt) => attempt.outcome)).toEqual(['displaced', 'running']);
      expect([again.losses, again.failures]).toEqual([0, 0]);
      await bed.store.claims.commit(again, { end: { state: 'succeeded', result: {} } });
      await bed.succeed(behind);
    });

    it('jobs at the front keep their own order', async () => {
      const line = name();
      await bed.claim(await bed.submit([line]));
      const fronts = [await bed.submit([line], { front: true }), await bed.submit([line], { front: true })] as const;
      expect(await bed.redis.zrange(`{bed}:line:volume:${line}`, '0', '1')).toEqual(fronts);
      expect(await bed.hasEntry(fronts[1])).toBe(false);
      await bed.succeed(fronts[0]);
      await bed.succeed(fronts[1]);
    });
  });

  describe('submitting', () => {
    it('joins an open job by its natural key, and no longer when that is over', async () => {
      const more = { naturalKey: name() };
      const { id } = await bed.store.jobs.submit(submissionOf(['joined'], more));
      expect(await bed.store.jobs.submit(submissionOf(['joined'], more))).toEqual({ outcome: 'joined', id });
      await bed.succeed(id);
      expect(await bed.store.jobs.submit(submissionOf(['joined'], more))).toMatchObject({ outcome: 'accepted' });
    });

    it('a repeated key returns the same job, also when it is over; another payload under it is told', async () => {
      const key = name();
      const keyed = (fingerprint: string, scope = 'me') =>
        bed.store.jobs.submit(submissionOf([name()], { idempotency: { scope, key, fingerprint } }));
      const { id } = await keyed('one');
      expect(await keyed('one')).toEqual({ outcome: 'repeated', id });
      expect(await keyed('two')).toEqual({ outcome: 'key-reused', id });
      await bed.succeed(id);
      expect(await keyed('one')).toEqual({ outcome: 'repeated', id });
      expect(await keyed('one', 'somebody else')).toMatchObject({ outcome: 'accepted' });
      const ttlMs = await bed.redis.pttl(`{bed}:idem:me:${key}`);
      expect(ttlMs).toBeGreaterThan(23 * 3_600_000);
    });

    it('a key that joined an open job stands for that job', async () => {
      const naturalKey = name();
      const { id } = await bed.store.jobs.submit(submissionOf(['keyed'], { naturalKey }));
      const idempotency = { scope: 'me', key: name(), fingerprint: 'same' };
      expect(await bed.store.jobs.submit(submissionOf(['keyed'], { naturalKey, idempotency }))).toEqual({
        outcome: 'joined',
        id,
      });
      await bed.succeed(id);
      expect(await bed.store.jobs.submit(submissionOf(['keyed'], { naturalKey, idempotency }))).toEqual({
        outcome: 'repeated',
        id,
      });
    });

    it('the same call sent twice is one job in one place', async () => {
      const line = name();
      const submission = submissionOf([line]);
      await bed.store.jobs.submit(submission);
      expect(await bed.store.jobs.submit(submission)).toEqual({ outcome: 'accepted', id: submission.id });
      expect(await bed.redis.zrange(`{bed}:line:volume:${line}`, '0', '-1')).toEqual([submission.id]);
    });
  });

  describe('claims', () => {
    it('a second worker that claims shuts the first one out', async () => {
      const id = await bed.submit([name()]);
      const first = await bed.claim(id);
      const second = await bed.claim(id, bed.open());
      expect(second.epoch).toBeGreaterThan(first.epoch);
      expect(second).toMatchObject({ losses: 1, failures: 0, attempt: { number: 2 } });
      await expect(bed.store.claims.commit(first, DEAD)).rejects.toMatchObject({ code: 'claim-lost' });
      expect([await bed.store.claims.confirm(first), await bed.store.claims.confirm(second)]).toEqual(['lost', 'held']);
      expect((await bed.read(id)).state).toBe('running');
    });

    it('one who missed the signal of a cancellation learns of it when it confirms', async () => {
      const id = await bed.submit([name()]);
      const claim = await bed.claim(id);
      expect(await bed.store.jobs.cancel(id, 'somebody')).toBe('requested');
      expect(await bed.store.claims.confirm(claim)).toBe('cancel');
      await bed.store.claims.commit(claim, { end: { state: 'cancelled', error: ERROR } });
      expect(await bed.store.claims.confirm(claim)).toBe('lost');
    });

    it('an entry that a newer one has replaced does nothing', async () => {
      const id = await bed.submit([name()]);
      expect(await bed.store.claims.acquire(id, 'late', 0)).toEqual({ outcome: 'behind' });
      expect((await bed.read(id)).attempts).toEqual([]);
    });

    it('a commit that is sent twice takes effect once', async () => {
      const volume = name();
      const id = await bed.submit([volume]);
      const claim = await bed.claim(id);
      const commit = {
        records: [{ op: 'put', record: volumeRecord(volume), expectedRev: 0 }],
        events: [{ type: 'volume.created', subject: `volume:${volume}`, data: {} }],
        ...AGAIN(0),
      } as const;
      await bed.store.claims.commit(claim, commit);
      // As the client would after a lost answer: the very same command, found in what the server was sent.
      const stamp = await bed.redis.hget(`{bed}:job:${id}`, 'commit');
      expect(stamp).toBe(`${claim.epoch}.1`);
      const other = bed.open();
      await other.claims.commit({ ...claim }, commit);
      expect(await bed.store.records.read('volume', volume)).toMatchObject({ rev: 1 });
      expect((await bed.store.events.list({ limit: 9, subject: `volume:${volume}` })).items).toHaveLength(1);
      expect(await bed.redis.hget(`{bed}:job:${id}`, 'failures')).toBe('1');
    });

    it('a stale revision writes nothing at all', async () => {
      const volume = name();
      const id = await bed.submit([volume]);
      const claim = await bed.claim(id);
      const put = (expectedRev: number): RecordChange => ({ op: 'put', record: volumeRecord(volume), expectedRev });
      await bed.store.claims.commit(claim, { records: [put(0)] });
      await expect(
        bed.store.claims.commit(claim, {
          records: [put(0)],
          notes: { written: true },
          end: { state: 'succeeded', result: {} },
        }),
      ).rejects.toMatchObject({ code: 'record-stale' });
      expect(await bed.read(id)).toMatchObject({ state: 'running', notes: {} });
      await bed.store.claims.commit(claim, { records: [put(1)] });
      expect(await bed.store.records.read('volume', volume)).toMatchObject({ rev: 2 });
    });

    it('a claim writes only the records of its own resources', async () => {
      const claim = await bed.claim(await bed.submit([name()]));
      const records: RecordChange[] = [{ op: 'put', record: volumeRecord('not_mine'), expectedRev: 0 }];
      await expect(bed.store.claims.commit(claim, { records })).rejects.toMatchObject({ code: 'claim-lost' });
      expect(await bed.store.records.read('volume', 'not_mine')).toBeUndefined();
    });
  });

  describe('observers', () => {
    it('write records that nobody stands in line for', async () => {
      const volume = name();
      const put = (expectedRev: number): RecordChange => ({ op: 'put', record: volumeRecord(volume), expectedRev });
      expect(await bed.store.records.observe([put(0)], [])).toBe('done');
      expect(await bed.store.records.observe([put(0)], [])).toBe('stale');
      const id = await bed.submit([volume]);
      expect(await bed.store.records.observe([put(1)], [])).toBe('busy');
      await bed.succeed(id);
      expect(
        await bed.store.records.observe([{ op: 'remove', type: 'volume', name: volume, expectedRev: 1 }], []),
      ).toBe('done');
      expect(await bed.store.records.read('volume', volume)).toBeUndefined();
    });

    it('records are listed by name, page by page', async () => {
      for (const each of ['page-c', 'page-a', 'page-b']) {
        await bed.store.records.observe([{ op: 'put', record: volumeRecord(each), expectedRev: 0 }], []);
      }
      const names: string[] = [];
      for (let cursor: string | undefined; ; ) {
        const page = await bed.store.records.list('volume', { limit: 1, ...(cursor === undefined ? {} : { cursor }) });
        names.push(...page.items.map(({ record }) => record.name));
        cursor = page.next;
        if (cursor === undefined) break;
      }
      expect(names.filter((each) => each.startsWith('page-'))).toEqual(['page-a', 'page-b', 'page-c']);
      expect(new Set(names).size).toBe(names.length);
    });
  });

  it('resources are told apart by their whole name', async () => {
    const [short, long] = ['pre', 'pre.fix'];
    const first = await bed.submit([short]);
    const second = await bed.submit([long]);
    expect([await bed.hasEntry(first), await bed.hasEntry(second)]).toEqual([true, true]);
    const listed = await bed.store.jobs.list({ resource: resourceKey('volume', short) }, { limit: 9 });
    expect(listed.items.map((job) => job.id)).toEqual([first]);
  });
});
