import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { LabRedis } from '../lab/redis.ts';
import { type Bench, number } from './bench.ts';
import { redisBytes, redisMicros } from './cpu.ts';
import { openBenchVcenter, openLabSystem } from './lab-system.ts';
import { inParallel, machineLine, median, openBenchRedis, openBenchSystem } from './rig.ts';

const SUBMITTER = { actor: 'bench', role: 'admin' } as const;
const CONCURRENCY = 16;
const IDLE_MS = 2_000;

/** A Redis with jobs of one kind going through it. */
interface Subject {
  readonly name: string;
  readonly admin: Redis;
  readonly costs: { readonly micros: number[]; readonly bytes: number[] };
  /** What Redis spends while nothing is done, in µs of CPU a second. */
  idle: number;
  one(name: string): Promise<unknown>;
}

function subjectOf(name: string, redis: LabRedis, one: Subject['one']): Subject {
  const admin = new Redis({ path: redis.socketPath, password: redis.password });
  return { name, admin, costs: { micros: [], bytes: [] }, idle: 0, one };
}

let made = 0;

async function round(subject: Subject, jobs: number): Promise<void> {
  const { admin, costs } = subject;
  const names = Array.from({ length: jobs }, () => `bench_${(made += 1)}`);
  const before = { micros: await redisMicros(admin), bytes: await redisBytes(admin), at: performance.now() };
  await inParallel(names, CONCURRENCY, subject.one);
  const seconds = (performance.now() - before.at) / 1_000;
  costs.micros.push(((await redisMicros(admin)) - before.micros - subject.idle * seconds) / jobs);
  costs.bytes.push(((await redisBytes(admin)) - before.bytes) / jobs);
}

async function idleMicros({ admin }: Subject): Promise<number> {
  const before = await redisMicros(admin);
  await sleep(IDLE_MS);
  return ((await redisMicros(admin)) - before) / (IDLE_MS / 1_000);
}

export const redis: Bench = {
  summary: 'CPU time and memory of Redis for each job: the kind that does nothing, and volume.create.',
  options: {
    jobs: { means: 'jobs a round, of each kind', default: '500' },
    rounds: { means: 'rounds of each kind', default: '5' },
  },
  async run(given) {
    const jobs = number(given, 'jobs');
    const plain = await openBenchRedis();
    const noops = await openBenchSystem(plain.redis, { concurrency: CONCURRENCY, prefix: 'bench', historyJobs: 1e6 });
    const bed = await openBenchVcenter();
    const lab = await openLabSystem(bed, { workers: 1, concurrency: CONCURRENCY });
    const subjects = [
      subjectOf('no-op', plain.redis, async () => {
        const { id } = await noops.submit('bench.noop', {}, SUBMITTER);
        await noops.store.jobs.waitUntilOver(id, AbortSignal.timeout(60_000));
      }),
      subjectOf('volume.create', lab.redis, (name) => lab.run('volume.create', { name, options: { Capacity: '1GB' } })),
    ];
    try {
      for (const subject of subjects) await round(subject, Math.ceil(jobs / 2));
      for (const subject of subjects) {
        subject.idle = await idleMicros(subject);
        for (const values of Object.values(subject.costs)) values.length = 0;
      }
      for (let index = 0; index < number(given, 'rounds'); index += 1)
        for (const subject of subjects) await round(subject, jobs);
      console.log(machineLine());
      console.log(
        `${given['rounds']} rounds of ${jobs} jobs, ${CONCURRENCY} at once; idle CPU taken off; no goal was set:`,
      );
      for (const { name, costs, idle } of subjects) {
        const [micros, bytes] = [median(costs.micros).toFixed(0), median(costs.bytes).toFixed(0)];
        console.log(
          `  ${name}: ${micros} µs of Redis CPU and ${bytes} bytes a job; idle ${idle.toFixed(0)} µs a second`,
        );
      }
      const [noop, create] = subjects.map((subject) => median(subject.costs.micros));
      console.log(`  ratio: a volume.create costs Redis ${((create ?? 0) / (noop ?? 1)).toFixed(1)} times a no-op`);
    } finally {
      for (const { admin } of subjects) admin.disconnect();
      await lab.close();
      await bed.close();
      await noops.close();
      await plain.close();
    }
  },
};
