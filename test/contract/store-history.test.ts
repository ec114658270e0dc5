import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StowageError } from '../../core/errors.ts';
import type { StowageEvent } from '../../core/events.ts';
import { type JobId, newJobId } from '../../core/ids.ts';
import type { JobFilter } from '../../core/ports/jobs.ts';
import { randomBytes } from '../../platform/clock.ts';
import { openStoreBed, serverOnPath, type StoreBed } from '../harness/store-bed.ts';

// Dead letters, listings, events, the lead and API keys, on every server that there is.

const SERVERS = ['redis-server', 'valkey-server'].map((name) => ({ name, path: serverOnPath(name) }));
const ERROR = new StowageError('vcenter-no-permission', 'for the test').facts;
const DEAD = { end: { state: 'dead', error: ERROR } } as const;

describe.for(SERVERS.filter((server) => server.path !== undefined))('history on $name', ({ path }) => {
  let bed: StoreBed;
  beforeAll(async () => {
    bed = await openStoreBed(path ?? '');
  });
  afterAll(() => bed.close());

  const die = async (id: JobId): Promise<void> => {
    const claim = await bed.claim(id);
    const steps = [{ name: 'one', state: 'done', begun: 1, tasks: [] }] as const;
    await bed.store.claims.commit(claim, {
      steps,
      notes: { found: 1 },
      failing: { end: 'dead', error: ERROR, tries: 1 },
      ...DEAD,
    });
  };

  it('a dead letter that is redriven stands at the end of its line and begins anew', async () => {
    const id = await bed.submit(['redriven']);
    await die(id);
    expect(await bed.read(id)).toMatchObject({ state: 'dead', error: { code: 'vcenter-no-permission' } });
    const other = await bed.submit(['redriven']);
    await bed.store.jobs.redrive(id, 'somebody');
    expect((await bed.acquire(id)).outcome).toBe('behind');
    await bed.succeed(other);
    expect(await bed.hasEntry(id)).toBe(true);
    const { job, failures } = await bed.claim(id);
    expect(job).toMatchObject({ redriveCount: 1, notes: {}, steps: [{ state: 'pending' }, { state: 'pending' }] });
    expect([job.error, job.failing, failures]).toEqual([undefined, undefined, 0]);
    expect(job.attempts.map((attempt) => attempt.outcome)).toEqual(['dead', 'running']);
    await expect(bed.store.jobs.redrive(id, 'somebody')).rejects.toMatchObject({ code: 'job-not-dead' });
  });

  it('a dead letter that is discarded is failed, with the reason, for good', async () => {
    const id = await bed.submit(['discarded']);
    await die(id);
    await bed.store.jobs.discard(id, 'somebody', 'not wanted');
    expect(await bed.read(id)).toMatchObject({ state: 'failed', discardReason: 'not wanted' });
    await expect(bed.store.jobs.redrive(id, 'somebody')).rejects.toMatchObject({ code: 'job-not-dead' });
    const subject = `job:${id}`;
    expect((await bed.store.events.list({ limit: 1, subject })).items).toMatchObject([{ type: 'job.discarded' }]);
  });

  // Data directories outlive versions; 0.1.0 began with another format.
  it('a job of a format that is not read any more is no job, and holds nobody up', async () => {
    const id = await bed.submit(['old'], { naturalKey: 'old' });
    const next = await bed.submit(['old']);
    await bed.redis.hdel(`{bed}:job:${id}`, 'spec');
    expect(await bed.store.jobs.read(id)).toBeUndefined();
    const { items } = await bed.store.jobs.list({ state: 'waiting' }, { limit: 1_000 });
    expect(items.map((job) => job.id)).not.toContain(id);
    expect((await bed.acquire(id)).outcome).toBe('gone');
    await bed.store.upkeep.sweep(0);
    expect(await bed.redis.exists(`{bed}:job:${id}`, '{bed}:nat:old')).toBe(0);
    await bed.succeed(next);
  });

  it('cancel, redrive and discard know no job that there is not', async () => {
    const id = '0'.repeat(26) as JobId;
    const { jobs } = bed.store;
    for (const act of [() => jobs.cancel(id, 'me'), () => jobs.redrive(id, 'me'), () => jobs.discard(id, 'me', '')]) {
      await expect(act()).rejects.toMatchObject({ code: 'job-not-found' });
    }
  });

  it('trimming forgets the oldest, but neither dead letters nor jobs whose key lives', async () => {
    const dead = await bed.submit(['trim']);
    await die(dead);
    const keyed = await bed.submit(['trim'], { idempotency: { scope: 'me', key: 'kept', fingerprint: 'x' } });
    await bed.succeed(keyed);
    // By their ids, which are of one order only from one millisecond to the next.
    const old = await bed.submit(['trim'], { id: newJobId(Date.now() - 10, randomBytes(10)) });
    await bed.succeed(old);
    const young = await bed.submit(['trim']);
    await bed.succeed(young);
    const tight = bed.open({ historyJobs: 1 });
    expect(await tight.upkeep.trim()).toBeGreaterThan(0);
    const left = await Promise.all([dead, keyed, old, young].map(async (id) => (await bed.store.jobs.read(id))?.state));
    expect(left).toEqual(['dead', 'succeeded', undefined, 'succeeded']);
    const listed = await bed.store.jobs.list({ kind: 'test.kind' }, { limit: 100 });
    expect(listed.items.map(({ id }) => id)).not.toContain(old);
  });

  it('listings go newest first, page by page, by any filter', async () => {
    const more = { kind: 'listed.kind', actor: 'lister' };
    const ids: JobId[] = [];
    for (let at = 0; at < 5; at += 1) {
      const id = newJobId(Date.now() + at, randomBytes(10));
      ids.unshift(await bed.submit(['listed'], { ...more, id, ...(at === 2 ? { actor: 'other' } : {}) }));
    }
    const walk = async (filter: JobFilter): Promise<readonly JobId[]> => {
      const seen: JobId[] = [];
      for (let cursor: string | undefined; ; ) {
        const page = await bed.store.jobs.list(filter, { limit: 2, ...(cursor === undefined ? {} : { cursor }) });
        seen.push(...page.items.map(({ id }) => id));
        cursor = page.next;
        if (cursor === undefined) return seen;
      }
    };
    expect(await walk({ kind: 'listed.kind' })).toEqual(ids);
    expect(await walk({ kind: 'listed.kind', actor: 'lister' })).toEqual(ids.filter((_, at) => at !== 2));
    expect(await walk({ kind: 'listed.kind', state: 'running' })).toEqual([]);
    await bed.claim(ids[4] ?? ('' as JobId));
    expect(await walk({ kind: 'listed.kind', state: 'running' })).toEqual([ids[4]]);
  });

  it('waiting for the end hears of it at once, or gives up when told', async () => {
    const id = await bed.submit(['awaited']);
    // Nothing but what it hears makes this one look: not a timer, and not that the caller gives up.
    const hearer = bed.open({ lookAgainMs: 600_000 });
    const over = hearer.jobs.waitUntilOver(id, new AbortController().signal);
    await bed.succeed(id);
    expect(await over).toMatchObject({ state: 'succeeded' });
    const open = await bed.submit(['awaited']);
    expect(await bed.store.jobs.waitUntilOver(open, AbortSignal.timeout(20))).toMatchObject({ state: 'waiting' });
  });

  it('a reader of events resumes where it was, and misses nothing meanwhile', async () => {
    const take = async (after: string, wanted: number): Promise<readonly StowageEvent[]> => {
      const stop = new AbortController();
      const seen: StowageEvent[] = [];
      for await (const event of bed.store.events.follow(after, stop.signal)) {
        seen.push(event);
        if (seen.length === wanted) stop.abort();
        if (stop.signal.aborted) break;
      }
      return seen;
    };
    const [newest] = (await bed.store.events.list({ limit: 1 })).items;
    const first = await bed.submit(['events']);
    await bed.succeed(first);
    const before = await take(newest?.id ?? '0-0', 2);
    const second = await bed.submit(['events']);
    await bed.succeed(second);
    const after = await take(before.at(-1)?.id ?? '', 4);
    expect([...before, ...after].map(({ type, subject }) => [type, subject])).toEqual(
      [first, second].flatMap((id) =>
        ['job.submitted', 'job.started', 'job.succeeded'].map((type) => [type, `job:${id}`]),
      ),
    );
    const fromNow = take('$', 1);
    await expect.poll(async () => (await bed.redis.client('LIST')) as string).toContain('cmd=xread');
    await bed.submit(['events']);
    expect(await fromNow).toMatchObject([{ type: 'job.submitted' }]);
  });

  it('one process leads; another follows when it stops, or is gone', async () => {
    const terms: string[] = [];
    const asked: string[] = [];
    const monitor = await bed.redis.monitor();
    monitor.on('monitor', (_time: string, args: readonly string[]) => {
      if (args[0] === 'eval') asked.push(args[5] ?? '');
    });
    const lead = (who: string) => {
      const stop = new AbortController();
      const done = bed.open({ process: who }).leader.run(async ({ signal, emptied }) => {
        terms.push(`${who}${emptied ? ' emptied' : ''}`);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        terms.push(`${who} ends`);
      }, stop.signal);
      return { stop: () => stop.abort(), done };
    };
    const a = lead('a');
    await expect.poll(() => terms).toEqual(['a emptied']);
    const b = lead('b');
    await expect.poll(() => asked.filter((who) => who === 'b').length).toBeGreaterThan(1);
    expect(terms).toEqual(['a emptied']);
    a.stop();
    await a.done;
    await expect.poll(() => terms).toEqual(['a emptied', 'a ends', 'b']);
    // Somebody else has the lease (as after a long pause of b), and then lets it go.
    await bed.redis.set('{bed}:leader', 'c');
    await expect.poll(() => terms).toEqual(['a emptied', 'a ends', 'b', 'b ends']);
    await bed.redis.del('{bed}:leader');
    await expect.poll(() => terms).toEqual(['a emptied', 'a ends', 'b', 'b ends', 'b']);
    await bed.redis.del('{bed}:set-up');
    await expect.poll(() => terms.at(-1)).toBe('b emptied');
    // Nobody renews it: it is free by itself.
    expect(await bed.redis.pttl('{bed}:leader')).toBeGreaterThan(0);
    b.stop();
    await b.done;
    expect(await bed.redis.get('{bed}:leader')).toBeNull();
    monitor.disconnect();
  });

  it('an API key is shown once, kept as a hash, and revoked', async () => {
    const { keys } = bed.store;
    const { key, entry } = await keys.create('ci', 'operator', 'admin');
    expect(await keys.verify(key)).toMatchObject({ id: entry.id, name: 'ci', role: 'operator' });
    expect(await keys.verify(`${key}x`)).toBeUndefined();
    expect(JSON.stringify(await bed.redis.hgetall('{bed}:keys'))).not.toContain(key.slice(4));
    expect((await keys.list()).map(({ id }) => id)).toContain(entry.id);
    await keys.revoke(entry.id);
    expect(await keys.verify(key)).toBeUndefined();
    await expect(keys.revoke(entry.id)).rejects.toMatchObject({ code: 'key-not-found' });
  });

  it('the sweep wakes what should have an entry and has none, and nothing else', async () => {
    const [lost, kept] = [await bed.submit(['swept-1']), await bed.submit(['swept-2'])];
    await bed.redis.del(`{bed}:bull:default:${lost}.1`);
    await expect.poll(() => bed.store.upkeep.sweep(20)).toBeGreaterThan(0);
    expect(await bed.hasEntry(lost)).toBe(true);
    expect(await bed.redis.hget(`{bed}:job:${kept}`, 'wake')).toBe('1');
    await bed.succeed(lost);
    await bed.succeed(kept);
  });
});
