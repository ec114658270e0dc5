import { z } from 'zod';
import { type Bench, number } from './bench.ts';
import { ownCpuMs } from './cpu.ts';
import { openBenchVcenter } from './lab-system.ts';
import { machineLine, median } from './rig.ts';
import { openDefault } from './soap-default.ts';
import { machineRef, openOurs, type SoapSide } from './soap-ours.ts';

const SMALL = ['name', 'config.uuid', 'runtime.powerState', 'summary.config.vmPathName'] as const;

type Operation = (side: SoapSide) => Promise<void>;

async function assertRead(wanted: number, read: Promise<number>): Promise<void> {
  const found = await read;
  if (found !== wanted) throw new Error(`${found} properties were read, not ${wanted}`);
}

/** Own CPU time and wall time of an operation, in ms. */
interface Cost {
  readonly cpuMs: number;
  readonly wallMs: number;
}

async function costOf(side: SoapSide, operation: Operation, times: number): Promise<Cost> {
  const cpu = ownCpuMs();
  const begun = performance.now();
  for (let done = 0; done < times; done += 1) await operation(side);
  return { cpuMs: (ownCpuMs() - cpu) / times, wallMs: (performance.now() - begun) / times };
}

async function compare(
  name: string,
  sides: readonly [SoapSide, SoapSide],
  operation: Operation,
  size: { readonly times: number; readonly rounds: number },
): Promise<void> {
  const [ours, peer] = sides;
  const costs = { ours: [] as Cost[], peer: [] as Cost[] };
  for (const side of sides) await costOf(side, operation, size.times);
  for (let round = 0; round < size.rounds; round += 1) {
    costs.ours.push(await costOf(ours, operation, size.times));
    costs.peer.push(await costOf(peer, operation, size.times));
  }
  const show = (side: readonly Cost[]): string =>
    `${median(side.map((each) => each.cpuMs)).toFixed(2)} ms of CPU, ${median(side.map((each) => each.wallMs)).toFixed(2)} ms in all`;
  const ratios = costs.peer.map((each, round) => each.cpuMs / (costs.ours[round]?.cpuMs ?? Number.NaN));
  console.log(`${name}: Stowage ${show(costs.ours)}; node-soap ${show(costs.peer)}`);
  console.log(
    `  ratio ${median(ratios).toFixed(2)} times the CPU (rounds: ${ratios.map((each) => each.toFixed(2)).join(' ')}); goal: above 1`,
  );
}

export const soap: Bench = {
  summary:
    'CPU time of the SOAP client for each operation, beside node-soap as it comes. One at a time, in one process.',
  options: {
    times: { means: 'operations a round; a third of them with disks', default: '300' },
    rounds: { means: 'rounds of each side', default: '5' },
  },
  async run(given) {
    const bed = await openBenchVcenter();
    const { vcenter } = bed;
    const size = { times: number(given, 'times'), rounds: number(given, 'rounds') };
    const vms = await (await fetch(new URL('vms', vcenter.labUrl.replace(/\/?$/, '/')))).json();
    const moid = z.array(z.object({ moid: z.string() })).parse(vms)[0]?.moid ?? '';
    const sides = [await openOurs(vcenter), await openDefault(vcenter)] as const;
    let made = 0;
    try {
      console.log(machineLine());
      const small: Operation = (side) => assertRead(SMALL.length, side.readProperties(machineRef(moid), SMALL));
      await compare('four properties of a machine', sides, small, size);
      const config: Operation = (side) => assertRead(1, side.readProperties(machineRef(moid), ['config']));
      await compare('the whole config of a machine', sides, config, size);
      const disk: Operation = (side) => side.makeDisk(`[shared-1] bench-${(made += 1)}.vmdk`);
      await compare('a disk made and deleted', sides, disk, { ...size, times: Math.ceil(size.times / 3) });
    } finally {
      for (const side of sides) await side.close();
      await bed.close();
    }
  },
};
