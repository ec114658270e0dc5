import { type Bench, number, numbers } from './bench.ts';
import { cpuMsOf, ownCpuMs } from './cpu.ts';
import { type Govmomi, openGovmomi } from './govmomi.ts';
import { type BenchVcenter, type LabSystem, openBenchVcenter, openLabSystem } from './lab-system.ts';
import { inParallel, machineLine, median } from './rig.ts';

const ACTIONS = ['create', 'remove'] as const;
type Action = (typeof ACTIONS)[number];
const TASKS = ['CreateVirtualDisk_Task', 'DeleteVirtualDisk_Task', 'DeleteDatastoreFile_Task'];

/** One action on all volumes of a round. */
interface Timing {
  readonly seconds: number;
  readonly cpuMs: number;
}
type Round = Readonly<Record<Action, Timing>>;

interface Side {
  readonly name: string;
  run(action: Action, names: readonly string[], concurrency: number): Promise<Timing>;
}

interface Measured {
  readonly rounds: Round[];
  readonly calls: Record<Action, Record<string, number>>;
}

function govmomiSide(name: string, program: Govmomi, keeps: boolean): Side {
  return { name, run: (action, names, concurrency) => program.run({ action, names, concurrency, keeps }) };
}

function stowageSide(system: LabSystem): Side {
  const cpuMs = (): number => ownCpuMs() + system.workerPids.reduce((sum, pid) => sum + cpuMsOf(pid), 0);
  const payloadOf = {
    create: (name: string) => ({ name, options: { Capacity: '1GB' } }),
    remove: (name: string) => ({ name }),
  };
  return {
    name: 'Stowage',
    async run(action, names, concurrency) {
      const begun = performance.now();
      const before = cpuMs();
      await inParallel(names, concurrency, (name) => system.run(`volume.${action}`, payloadOf[action](name)));
      return { seconds: (performance.now() - begun) / 1_000, cpuMs: cpuMs() - before };
    },
  };
}

let made = 0;

async function round(side: Side, to: Measured, bed: BenchVcenter, size: Size): Promise<void> {
  const names = Array.from({ length: size.volumes }, () => `bench_${(made += 1)}`);
  const timings: Partial<Record<Action, Timing>> = {};
  for (const action of ACTIONS) {
    await bed.takeCalls();
    timings[action] = await side.run(action, names, size.concurrency);
    for (const [method, count] of Object.entries(await bed.takeCalls())) {
      to.calls[action][method] = (to.calls[action][method] ?? 0) + count;
    }
  }
  to.rounds.push(timings as Round);
}

interface Size {
  readonly volumes: number;
  readonly concurrency: number;
}

const secondsOf = (each: Round): number => each.create.seconds + each.remove.seconds;

function report(side: Side, measured: Measured, volumes: number): void {
  const per = (action: Action): string => {
    const rate = volumes / median(measured.rounds.map((each) => each[action].seconds));
    const cpuMs = median(measured.rounds.map((each) => each[action].cpuMs)) / volumes;
    const total = Object.values(measured.calls[action]).reduce((sum, count) => sum + count, 0);
    const calls = total / (volumes * measured.rounds.length);
    return `${action} ${rate.toFixed(0)}/s, ${cpuMs.toFixed(2)} ms of client CPU, ${calls.toFixed(1)} calls`;
  };
  const both = volumes / median(measured.rounds.map(secondsOf));
  console.log(`  ${side.name.padEnd(28)} ${both.toFixed(1)} volumes/s; ${ACTIONS.map(per).join('; ')}`);
}

function reportCalls(side: Side, measured: Measured, volumes: number): void {
  for (const action of ACTIONS) {
    const each = Object.entries(measured.calls[action])
      .toSorted(([, a], [, b]) => b - a)
      .map(([method, count]) => `${method} ${(count / (volumes * measured.rounds.length)).toFixed(2)}`);
    console.log(`    ${side.name}, ${action}: ${each.join(', ')}`);
  }
}

function ratioLine(ours: Measured, peer: Measured, name: string): string {
  const ratios = peer.rounds.map((each, index) => {
    const own = ours.rounds[index];
    return own === undefined ? Number.NaN : secondsOf(each) / secondsOf(own);
  });
  return `  ratio to ${name}: ${median(ratios).toFixed(2)} (rounds: ${ratios.map((each) => each.toFixed(2)).join(' ')}); goal 0.90`;
}

async function compare(sides: readonly Side[], bed: BenchVcenter, size: Size, rounds: number): Promise<void> {
  const measured = sides.map((): Measured => ({ rounds: [], calls: { create: {}, remove: {} } }));
  const each = async (to: readonly Measured[], of: Size): Promise<void> => {
    for (const [index, side] of sides.entries()) {
      const into = to[index];
      if (into !== undefined) await round(side, into, bed, of);
    }
  };
  const warmUp = sides.map((): Measured => ({ rounds: [], calls: { create: {}, remove: {} } }));
  await each(warmUp, { ...size, volumes: Math.max(size.concurrency, Math.ceil(size.volumes / 2)) });
  for (let index = 0; index < rounds; index += 1) await each(measured, size);
  const [ours, ...peers] = measured;
  for (const [index, side] of sides.entries()) {
    const own = measured[index];
    if (own !== undefined) report(side, own, size.volumes);
  }
  for (const [index, peer] of peers.entries())
    if (ours !== undefined) console.log(ratioLine(ours, peer, sides[index + 1]?.name ?? ''));
  for (const [index, side] of sides.entries()) {
    const own = measured[index];
    if (own !== undefined) reportCalls(side, own, size.volumes);
  }
}

export const volumes: Bench = {
  summary:
    'volume.create and volume.remove through all of Stowage, beside a plain govmomi program that makes the same calls. Goal: 0.9 of it.',
  options: {
    volumes: { means: 'volumes made and removed a round', default: '160' },
    rounds: { means: 'rounds of each side', default: '5' },
    concurrency: { means: 'volumes at once, several with commas', default: '1,16' },
    workers: { means: 'worker processes', default: '1' },
    'task-ms': { means: 'how long a Task of the lab takes, several with commas', default: '0,50' },
  },
  async run(given) {
    const bed = await openBenchVcenter();
    const concurrencies = numbers(given, 'concurrency');
    const workers = number(given, 'workers');
    const system = await openLabSystem(bed, { workers, concurrency: Math.max(...concurrencies) });
    const program = await openGovmomi(bed.vcenter, { datastore: 'shared-1', root: 'govmomi' });
    const sides = [
      stowageSide(system),
      govmomiSide('govmomi', program, false),
      govmomiSide('govmomi, reusing', program, true),
    ];
    try {
      console.log(`${machineLine()}; ${workers} worker process(es)`);
      for (const taskMs of numbers(given, 'task-ms', 0)) {
        await bed.slowTasks(TASKS, taskMs);
        for (const concurrency of concurrencies) {
          // With slow Tasks one at a time takes long and varies little.
          const volumes =
            taskMs > 0 && concurrency === 1 ? Math.ceil(number(given, 'volumes') / 8) : number(given, 'volumes');
          console.log(
            `\nTasks ${taskMs === 0 ? 'at full speed' : `of ${taskMs} ms`}; ${concurrency} at once; ${given['rounds']} rounds of ${volumes} volumes:`,
          );
          await compare(sides, bed, { volumes, concurrency }, number(given, 'rounds'));
        }
      }
    } finally {
      await program.close();
      await system.close();
      await bed.close();
    }
  },
};
