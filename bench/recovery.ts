import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from '../core/job.ts';
import { isJobOver } from '../core/states.ts';
import { type Bench, number } from './bench.ts';
import { type ContainerStage, openContainerStage } from './container-stage.ts';
import { openGovmomi } from './govmomi.ts';
import { inParallel, machineLine, median } from './rig.ts';

// A host fails without vSphere HA: how long until all its containers run elsewhere, and what that asks of vCenter. Beside a plain govmomi program
// that takes the same machines out of the inventory, registers, configures and powers them on, and knows nothing of locks, volumes or crashes.

const HOST = 'esx-1.lab';
const GRACE_MS = 1_000;
const LONGEST_MS = 120_000;

interface Figures {
  /** From the first call to the last machine that was looked at. */
  readonly seconds: number;
  readonly calls: number;
  readonly byMethod: Readonly<Record<string, number>>;
}
interface Recovery extends Figures {
  /** From the moment in which the host was seen to be silent to the last power-on; with the grace. */
  readonly detectedToOnSeconds: number;
}

interface LabHost {
  readonly name: string;
  readonly connectionState: string;
}

/** Everything on one host; the others are as they were then. */
async function gather({ bed }: ContainerStage, work: () => Promise<unknown> = () => Promise.resolve()): Promise<void> {
  const hosts = (await bed.lab('GET', 'hosts')) as readonly LabHost[];
  const others = hosts.filter(({ name }) => name !== HOST);
  for (const { name } of others) await bed.lab('POST', `hosts/${name}/maintenance`, { enter: true });
  await work();
  for (const { name } of others) await bed.lab('POST', `hosts/${name}/maintenance`, { enter: false });
}

async function makeContainers(stage: ContainerStage, names: readonly string[], width: number): Promise<void> {
  await gather(stage, () =>
    inParallel(names, width, async (name) => {
      const mounts = [{ volume: `v.${name}`, destination: '/v', options: { size: '8MB' } }];
      await stage.system.run('container.create', { image: stage.image, name, mounts });
      await stage.system.run('container.start', { container: name });
    }),
  );
}

async function recoveries({ system }: ContainerStage): Promise<readonly Job[]> {
  return (await system.store.jobs.list({ kind: 'host.recover' }, { limit: 100 })).items;
}

/** The host is back, and what Stowage does then is over. */
async function giveBack(stage: ContainerStage): Promise<void> {
  await stage.bed.lab('POST', `hosts/${HOST}/return`);
  do await sleep(GRACE_MS);
  while ((await recoveries(stage)).some(({ state }) => !isJobOver(state)));
}

async function ours(stage: ContainerStage, containers: number): Promise<Recovery> {
  const before = new Set((await recoveries(stage)).map(({ id }) => id));
  await stage.bed.takeCalls();
  await stage.bed.lab('POST', `hosts/${HOST}/fail`, { mode: 'crash' });
  const endAt = performance.now() + LONGEST_MS;
  let job: Job | undefined;
  while (job === undefined || !isJobOver(job.state)) {
    if (performance.now() > endAt) throw new Error(`the recovery took too long: ${JSON.stringify(job)}`);
    await sleep(20);
    job = (await recoveries(stage)).find(({ id }) => !before.has(id));
  }
  if (job.result?.['recovered'] !== containers) throw new Error(`it recovered ${JSON.stringify(job.result)}`);
  const byMethod = await stage.bed.takeCalls();
  const children = await Promise.all(job.children.map((id) => stage.system.store.jobs.read(id)));
  const lines = children.map((child) => child?.result?.['timeline'] as Readonly<Record<string, string>> | undefined);
  const at = (what: string): readonly number[] => lines.map((line) => Date.parse(line?.[what] ?? ''));
  return {
    seconds: (Math.max(...at('verified')) - Date.parse(job.createdAt)) / 1_000,
    detectedToOnSeconds: (Math.max(...at('poweredOn')) - Math.min(...at('detected'))) / 1_000,
    ...counted(byMethod, containers),
  };
}

function counted(byMethod: Readonly<Record<string, number>>, containers: number): Pick<Figures, 'calls' | 'byMethod'> {
  return { byMethod, calls: Object.values(byMethod).reduce((sum, count) => sum + count, 0) / containers };
}

function callsLine({ byMethod }: Figures, containers: number): string {
  return Object.entries(byMethod)
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, 12)
    .map(([method, count]) => `${method} ${(count / containers).toFixed(2)}`)
    .join(', ');
}

export const recovery: Bench = {
  summary: 'A host fails with many containers on it: time until all run elsewhere, beside a plain govmomi program.',
  options: {
    containers: { means: 'containers on the host', default: '100' },
    rounds: { means: 'rounds of each side', default: '3' },
    workers: { means: 'worker processes', default: '2' },
    width: { means: 'jobs at once in each worker', default: '16' },
  },
  async run(given) {
    const stage = await openContainerStage(given, { STOWAGE_HOST_GRACE_MS: String(GRACE_MS) });
    const containers = number(given, 'containers');
    const width = number(given, 'width') * number(given, 'workers');
    const names = Array.from({ length: containers }, (_, at) => `bench.${String(at).padStart(5, '0')}`);
    const own: Recovery[] = [];
    const peer: Figures[] = [];
    try {
      console.log(`${machineLine()}; ${containers} containers, ${given['workers']} worker processes`);
      await stage.bed.lab('POST', 'ha', { enabled: false });
      await makeContainers(stage, names, number(given, 'width'));
      for (let round = 0; round < number(given, 'rounds'); round += 1) {
        own.push(await ours(stage, containers));
        await giveBack(stage);
        await gather(stage);
      }
      // Nobody else is to recover what govmomi does.
      await stage.system.close();
      const program = await openGovmomi(stage.bed.vcenter, { datastore: 'shared-1', root: 'govmomi' });
      for (let round = 0; round < number(given, 'rounds'); round += 1) {
        await stage.bed.lab('POST', `hosts/${HOST}/fail`, { mode: 'crash' });
        await stage.bed.takeCalls();
        const { seconds } = await program.run({ action: 'recover', names, concurrency: width, keeps: true });
        peer.push({ seconds, ...counted(await stage.bed.takeCalls(), containers) });
        await stage.bed.lab('POST', `hosts/${HOST}/return`);
        await gather(stage);
      }
      await program.close();
      report(own, peer, containers);
    } finally {
      await stage.close();
    }
  },
};

function report(own: readonly Recovery[], peer: readonly Figures[], containers: number): void {
  const seconds = (all: readonly Figures[]): string => {
    const each = all.map((figures) => figures.seconds.toFixed(2)).join(' ');
    return `${median(all.map((figures) => figures.seconds)).toFixed(2)} s (rounds: ${each})`;
  };
  const calls = (all: readonly Figures[]): string => median(all.map((figures) => figures.calls)).toFixed(1);
  const detected = own.map(({ detectedToOnSeconds }) => detectedToOnSeconds);
  console.log(`  Stowage  ${seconds(own)}, ${calls(own)} calls a container`);
  console.log(
    `           from the first silence to the last power-on, with ${GRACE_MS / 1_000} s of grace: ${median(detected).toFixed(2)} s`,
  );
  console.log(`  govmomi  ${seconds(peer)}, ${calls(peer)} calls a container`);
  const ratio = median(peer.map((figures) => figures.seconds)) / median(own.map((figures) => figures.seconds));
  console.log(`  ratio to govmomi: ${ratio.toFixed(2)}`);
  for (const [name, all] of [['Stowage', own] as const, ['govmomi', peer] as const]) {
    const [first] = all;
    if (first !== undefined) console.log(`    ${name}: ${callsLine(first, containers)}`);
  }
}
