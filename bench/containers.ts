import type { ContainerRecord } from '../core/container.ts';
import type { JsonObject } from '../core/job.ts';
import { type Bench, number } from './bench.ts';
import { type ContainerStage, openContainerStage } from './container-stage.ts';
import { inParallel, machineLine } from './rig.ts';

// Many containers, each with a volume of its own: what one costs, and whether the five hundredth costs more than the first.

interface Phase {
  readonly name: string;
  readonly kind: string;
  readonly payload: (name: string) => JsonObject;
}

function phasesOf(image: string): readonly Phase[] {
  return [
    {
      name: 'create',
      kind: 'container.create',
      payload: (name) => ({
        image,
        name,
        mounts: [{ volume: `v.${name}`, destination: '/v', options: { size: '8MB' } }],
      }),
    },
    { name: 'start', kind: 'container.start', payload: (name) => ({ container: name }) },
    { name: 'stop', kind: 'container.stop', payload: (name) => ({ container: name }) },
    { name: 'remove', kind: 'container.remove', payload: (name) => ({ container: name }) },
  ];
}

/** In parts, so that growth shows. Seconds of each part. */
async function timeParts(
  parts: readonly (readonly string[])[],
  width: number,
  work: (name: string) => Promise<unknown>,
): Promise<readonly number[]> {
  const seconds: number[] = [];
  for (const names of parts) {
    const begun = performance.now();
    await inParallel(names, width, work);
    seconds.push((performance.now() - begun) / 1_000);
  }
  return seconds;
}

function report(
  phase: string,
  seconds: readonly number[],
  size: number,
  calls: Readonly<Record<string, number>>,
): void {
  const each = seconds.map((part) => (part / size) * 1_000);
  const [first = Number.NaN] = each;
  const total = Object.values(calls).reduce((sum, count) => sum + count, 0);
  const all = size * seconds.length;
  const most = Object.entries(calls)
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, 8)
    .map(([method, count]) => `${method} ${(count / all).toFixed(2)}`);
  console.log(
    `  ${phase.padEnd(7)} ms a container, by parts of ${size}: ${each.map((ms) => ms.toFixed(1)).join(' ')}; ` +
      `last/first ${((each.at(-1) ?? Number.NaN) / first).toFixed(2)}; ${(total / all).toFixed(1)} calls`,
  );
  console.log(`          ${most.join(', ')}`);
}

/** @throws when two containers share what must be each one's own */
async function checkDistinct({ system }: ContainerStage, names: readonly string[]): Promise<void> {
  const page = await system.store.records.list('container', { limit: 100_000 });
  const records: readonly ContainerRecord[] = page.items.map(({ record }) => record);
  const distinct = (what: string, of: (record: ContainerRecord) => string | undefined): void => {
    const count = new Set(records.map(of)).size;
    if (count !== names.length) throw new Error(`${names.length} containers have ${count} ${what}`);
  };
  distinct('names', ({ called }) => called);
  distinct('uuids', ({ machine }) => machine?.uuid);
  distinct('machines', ({ machine }) => machine?.ref);
}

export const containers: Bench = {
  summary:
    'Containers made, started, stopped and removed by several workers: ms each, and growth from the first part to the last.',
  options: {
    containers: { means: 'containers', default: '500' },
    parts: { means: 'in so many parts', default: '5' },
    workers: { means: 'worker processes', default: '4' },
    width: { means: 'jobs at once, and in each worker', default: '16' },
  },
  async run(given) {
    const stage = await openContainerStage(given);
    const parts = number(given, 'parts');
    const size = Math.ceil(number(given, 'containers') / parts);
    const names = Array.from({ length: size * parts }, (_, at) => `bench.${String(at).padStart(5, '0')}`);
    const split = Array.from({ length: parts }, (_, at) => names.slice(at * size, (at + 1) * size));
    try {
      console.log(`${machineLine()}; ${given['workers']} worker processes, ${given['width']} jobs at once`);
      for (const { name, kind, payload } of phasesOf(stage.image)) {
        await stage.bed.takeCalls();
        const seconds = await timeParts(split, number(given, 'width'), (each) => stage.system.run(kind, payload(each)));
        report(name, seconds, size, await stage.bed.takeCalls());
        if (name === 'create') await checkDistinct(stage, names);
      }
      console.log(`  ${names.length} containers had distinct names, uuids and machines`);
    } finally {
      await stage.close();
    }
  },
};
