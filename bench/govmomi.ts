import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { pino } from 'pino';
import { z } from 'zod';
import { buildGo } from '../lab/go.ts';
import type { LabVcenter } from '../lab/vcenter.ts';
import { endProcess, ROOT } from './lab-system.ts';

export interface GovmomiRound {
  readonly action: 'create' | 'remove' | 'recover';
  /** Of volumes, or of machines on the host that was lost. */
  readonly names: readonly string[];
  readonly concurrency: number;
  readonly keeps: boolean;
}

const outcome = z.object({ seconds: z.number(), cpuMs: z.number(), error: z.string().optional() });

export interface Govmomi {
  run(round: GovmomiRound): Promise<{ readonly seconds: number; readonly cpuMs: number }>;
  close(): Promise<void>;
}

/** The plain Go program, logged in and waiting for rounds. It works below `root` on the datastore. */
export async function openGovmomi(
  vcenter: LabVcenter,
  at: { readonly datastore: string; readonly root: string },
): Promise<Govmomi> {
  const { env } = process;
  const logger = pino({ level: 'error' });
  const command = await buildGo({ root: ROOT, module: 'bench/govmomi', program: '.', env, logger });
  const child = spawn(command, {
    env: {
      ...env,
      VCENTER_URL: vcenter.url,
      VCENTER_USER: vcenter.user,
      VCENTER_PASSWORD: vcenter.password,
      BENCH_DATASTORE: at.datastore,
      BENCH_ROOT: at.root,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const line = await lines.next();
    if (line.done === true) throw new Error('the govmomi program has ended');
    return JSON.parse(line.value);
  };
  await next();
  return {
    async run(round) {
      child.stdin.write(`${JSON.stringify(round)}\n`);
      const { error, ...figures } = outcome.parse(await next());
      if (error !== undefined) throw new Error(`govmomi: ${error}`);
      return figures;
    },
    close: () => endProcess(child),
  };
}
