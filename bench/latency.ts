import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type Bench, number } from './bench.ts';
import { redisBytes } from './cpu.ts';
import { type BenchSystem, inParallel, machineLine, median, openBenchRedis, openBenchSystem, quantile } from './rig.ts';

const SUBMITTER = { actor: 'bench', role: 'admin' } as const;
const LONGEST_JOB_MS = 60_000;
const SUBMISSIONS_AT_ONCE = 128;
const CONCURRENCY = 32;

/** A system with a Redis of its own, and what is in it. */
interface Stage {
  readonly name: string;
  readonly system: BenchSystem;
  readonly admin: Redis;
  readonly samples: { readonly alone: number[][]; readonly steady: number[][] };
  close(): Promise<void>;
}

async function openStage(name: string, depth: number): Promise<Stage> {
  const { redis, close } = await openBenchRedis();
  const system = await openBenchSystem(redis, { concurrency: CONCURRENCY, prefix: 'bench', historyJobs: 2 * depth });
  const admin = new Redis({ path: redis.socketPath, password: redis.password });
  return {
    name,
    system,
    admin,
    samples: { alone: [], steady: [] },
    async close() {
      admin.disconnect();
      await system.close();
      await close();
    },
  };
}

/** From before the submission until the submitter has read the finished job, in ms. */
async function runOne({ system }: Stage): Promise<number> {
  const begun = performance.now();
  const { id } = await system.submit('bench.noop', {}, SUBMITTER);
  const job = await system.store.jobs.waitUntilOver(id, AbortSignal.timeout(LONGEST_JOB_MS));
  if (job?.state !== 'succeeded') throw new Error(`a job ended ${job?.state}`);
  return performance.now() - begun;
}

async function oneAtATime(stage: Stage, jobs: number): Promise<number[]> {
  const samples: number[] = [];
  for (let done = 0; done < jobs; done += 1) samples.push(await runOne(stage));
  return samples;
}

async function atRate(stage: Stage, jobs: number, perSecond: number): Promise<number[]> {
  const begun = performance.now();
  return Promise.all(
    Array.from({ length: jobs }, async (_, index) => {
      await sleep(Math.max(1, begun + (index * 1_000) / perSecond - performance.now()));
      return runOne(stage);
    }),
  );
}

/** @returns bytes of Redis for each job */
async function fill(stage: Stage, depth: number, one: (index: number) => Promise<unknown>): Promise<number> {
  const before = await redisBytes(stage.admin);
  await inParallel(
    Array.from({ length: depth }, (_, index) => index),
    SUBMISSIONS_AT_ONCE,
    one,
  );
  return ((await redisBytes(stage.admin)) - before) / depth;
}

/** Redis rewrites its append-only file after it has grown: that is not measured. */
async function settle({ admin }: Stage): Promise<void> {
  for (;;) {
    await sleep(500);
    const info = await admin.info('persistence');
    if (/aof_rewrite_in_progress:0/.test(info) && /aof_rewrite_scheduled:0/.test(info)) return;
  }
}

async function holdJobs(stage: Stage, depth: number): Promise<void> {
  const { submit } = stage.system;
  await submit('bench.hold', { line: 'held' }, SUBMITTER);
  const bytes = await fill(stage, depth, () => submit('bench.noop', { line: 'held' }, SUBMITTER));
  console.log(`${depth} jobs wait behind one line that is held: ${bytes.toFixed(0)} bytes of Redis a waiting job`);
}

/** Nobody waits for one of them: they go through as fast as they can. */
async function finishJobs(stage: Stage, depth: number): Promise<void> {
  const { submit, store } = stage.system;
  const before = await redisBytes(stage.admin);
  await fill(stage, depth, () => submit('bench.noop', {}, SUBMITTER));
  while ((await store.jobs.figures()).byState.succeeded < depth) await sleep(100);
  const bytes = ((await redisBytes(stage.admin)) - before) / depth;
  console.log(`${depth} jobs are done and kept: ${bytes.toFixed(0)} bytes of Redis a finished job`);
}

function report(stage: Stage, empty: Stage): void {
  for (const how of ['alone', 'steady'] as const) {
    const rounds = stage.samples[how];
    const all = rounds.flat();
    const ratios = rounds.map((round, index) => median(round) / median(empty.samples[how][index] ?? []));
    const ratio = stage === empty ? '' : `; p50 ${median(ratios).toFixed(2)} times that of depth 0`;
    const label = how === 'alone' ? 'one at a time' : 'at a steady rate';
    const ms = (q: number): string => quantile(all, q).toFixed(1);
    console.log(`  ${stage.name}, ${label}: p50 ${ms(0.5)} ms, p99 ${ms(0.99)} ms${ratio}`);
  }
}

export const latency: Bench = {
  summary:
    'Time from submit to done of the kind that does nothing: with nothing else there, with many waiting, with many done.',
  options: {
    jobs: { means: 'jobs measured a round, of each case', default: '200' },
    rounds: { means: 'rounds', default: '5' },
    rate: { means: 'jobs a second, for the steady rate', default: '100' },
    depth: { means: 'jobs that wait, and jobs that are done', default: '100000' },
  },
  async run(given) {
    const depth = number(given, 'depth');
    const jobs = number(given, 'jobs');
    const rate = number(given, 'rate');
    const empty = await openStage('depth 0', depth);
    const waiting = await openStage(`${depth} waiting`, depth);
    const done = await openStage(`${depth} done`, depth);
    const stages = [empty, waiting, done];
    try {
      console.log(machineLine());
      await holdJobs(waiting, depth);
      await finishJobs(done, depth);
      for (const stage of stages) await settle(stage);
      for (const stage of stages) await oneAtATime(stage, jobs);
      for (let round = 0; round < number(given, 'rounds'); round += 1) {
        for (const stage of stages) stage.samples.alone.push(await oneAtATime(stage, jobs));
        for (const stage of stages) stage.samples.steady.push(await atRate(stage, jobs, rate));
      }
      console.log(`${given['rounds']} rounds of ${jobs} jobs; the steady rate is ${rate} a second; no goal was set:`);
      for (const stage of stages) report(stage, empty);
    } finally {
      for (const stage of stages) await stage.close();
    }
  },
};
