import { parseArgs } from 'node:util';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { LabRedis } from '../lab/redis.ts';
import { inParallel, machineLine, median, openBenchRedis, openBenchSystem } from './rig.ts';

// Jobs per second through submit → a kind that does nothing → done, beside BullMQ used raw: add → a processor that does nothing → done. Raw
// BullMQ is run twice: keeping what is finished, as Stowage does (equal durability), and removing it. All in this process, against one Redis
// with an append-only file, in alternating rounds. A round ends when the last job is done.

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '3000' },
    rounds: { type: 'string', default: '5' },
    width: { type: 'string', default: '64' },
    concurrency: { type: 'string', default: '32' },
  },
});
const jobs = Number(values.jobs);
const width = Number(values.width);
const concurrency = Number(values.concurrency);
const items = Array.from({ length: jobs }, (_, index) => index);

interface Side {
  round(): Promise<number>;
  close(): Promise<void>;
}

/** Seconds from the first submission to the last completion. */
async function timed(work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1_000;
}

/** @param keep how many finished jobs BullMQ keeps; Stowage's default is 10,000 */
function openRaw(redis: LabRedis, name: string, keep: number): Side {
  const connection = new Redis({ path: redis.socketPath, password: redis.password, maxRetriesPerRequest: null });
  const prefix = `{${name}}`;
  const finished = { removeOnComplete: { count: keep }, removeOnFail: { count: keep } };
  const queue = new Queue('raw', { connection, prefix });
  let left = 0;
  let onDone = (): void => undefined;
  const worker = new Worker('raw', () => Promise.resolve(), { connection, prefix, concurrency, ...finished });
  worker.on('completed', () => {
    left -= 1;
    if (left === 0) onDone();
  });
  return {
    round: () =>
      timed(async () => {
        left = jobs;
        const done = new Promise<void>((resolve) => {
          onDone = resolve;
        });
        await inParallel(items, width, (index) => queue.add('job', { index }, finished));
        await done;
      }),
    async close() {
      await worker.close();
      await queue.close();
      connection.disconnect();
    },
  };
}

async function openOurs(redis: LabRedis): Promise<Side> {
  const system = await openBenchSystem(redis, { concurrency, prefix: 'ours' });
  const watcher = new Redis({ path: redis.socketPath, password: redis.password });
  await watcher.subscribe('{ours}:over');
  let left = 0;
  let onDone = (): void => undefined;
  watcher.on('message', (_: string, ids: string) => {
    left -= ids.split(' ').length;
    if (left === 0) onDone();
  });
  return {
    round: () =>
      timed(async () => {
        left = jobs;
        const done = new Promise<void>((resolve) => {
          onDone = resolve;
        });
        await inParallel(items, width, () => system.submit('bench.noop', {}, { actor: 'bench', role: 'admin' }));
        await done;
      }),
    async close() {
      watcher.disconnect();
      await system.close();
    },
  };
}

const { redis, close } = await openBenchRedis();
const admin = new Redis({ path: redis.socketPath, password: redis.password });

interface Cost {
  readonly seconds: number[];
  readonly redisMicros: number[];
  readonly nodeMicros: number[];
  readonly bytes: number[];
}

async function redisMicros(): Promise<number> {
  const info = await admin.info('cpu');
  const value = (name: string): number => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1] ?? '0');
  return (value('used_cpu_user') + value('used_cpu_sys')) * 1e6;
}

async function usedBytes(): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await admin.info('memory'))?.[1] ?? '0');
}

async function measure(side: Side, cost: Cost): Promise<void> {
  const before = await redisMicros();
  const bytesBefore = await usedBytes();
  const cpu = process.cpuUsage();
  cost.seconds.push(await side.round());
  const { user, system } = process.cpuUsage(cpu);
  cost.nodeMicros.push((user + system) / jobs);
  cost.redisMicros.push(((await redisMicros()) - before) / jobs);
  cost.bytes.push(((await usedBytes()) - bytesBefore) / jobs);
}

const sides: readonly { readonly name: string; readonly side: Side; readonly cost: Cost }[] = [
  { name: 'raw BullMQ, finished jobs kept', side: openRaw(redis, 'kept', 10_000) },
  { name: 'raw BullMQ, finished jobs removed', side: openRaw(redis, 'removed', 0) },
  { name: 'Stowage', side: await openOurs(redis) },
].map((each) => ({ ...each, cost: { seconds: [], redisMicros: [], nodeMicros: [], bytes: [] } }));
for (const { side } of sides) await side.round();
for (let round = 0; round < Number(values.rounds); round += 1) {
  for (const { side, cost } of sides) await measure(side, cost);
}

console.log(machineLine());
console.log(
  `${jobs} jobs a round, ${values.rounds} rounds, ${width} submissions at once, concurrency ${concurrency}, AOF everysec everywhere`,
);
const ours = sides.at(-1)?.cost;
for (const { name, cost } of sides) {
  const ratios = cost.seconds.map((seconds, round) => seconds / (ours?.seconds[round] ?? Number.NaN));
  const figures = [
    `${(jobs / median(cost.seconds)).toFixed(0)} jobs/s`,
    `${median(cost.redisMicros).toFixed(0)} µs of Redis`,
    `${median(cost.nodeMicros).toFixed(0)} µs of Node.js`,
    `${median(cost.bytes).toFixed(0)} bytes more in Redis a job`,
  ];
  const ratio =
    cost === ours
      ? ''
      : `, Stowage is ${median(ratios).toFixed(2)} of it (rounds ${ratios.map((each) => each.toFixed(2)).join(' ')})`;
  console.log(`${name.padEnd(35)}${figures.join(', ')}${ratio}`);
}
console.log('goal: at least 0.60 of raw BullMQ at equal durability, which is the first row');
for (const { side } of sides) await side.close();
admin.disconnect();
await close();
