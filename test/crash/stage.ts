import { join } from 'node:path';
import { writeFileSync, renameSync } from 'node:fs';
import type { Redis } from 'ioredis';
import type { JobId } from '../../core/ids.ts';
import type { Job, JsonObject } from '../../core/job.ts';
import type { RecordType } from '../../core/record.ts';
import { type CrashLine, type CrashPlan, readReport } from '../harness/crash-points.ts';
import type { ImageSystem } from '../harness/image-system.ts';
import type { System, WorkerProcess } from '../harness/system.ts';

/** A system whose workers die as planned. */
export interface CrashSystem<S extends System = System> {
  readonly system: S;
  readonly redis: Redis;
  /** Replaces the plan; workers read it before each job. */
  plan(plan: CrashPlan): void;
  report(): readonly CrashLine[];
  /** A worker that does as the plan says. */
  startWorker(env?: Readonly<Record<string, string>>): Promise<WorkerProcess>;
  /** Submits under an actor of its own, as plans name it. */
  begin(actor: string, kind: string, payload: JsonObject): Promise<JobId>;
}

export function crashSystem<S extends System>(system: S, redis: Redis): CrashSystem<S> {
  const planFile = join(system.directory, 'plan.json');
  const reportFile = join(system.directory, 'report.jsonl');
  const plan = (next: CrashPlan): void => {
    writeFileSync(`${planFile}.new`, JSON.stringify(next));
    renameSync(`${planFile}.new`, planFile);
  };
  plan({});
  return {
    system,
    redis,
    plan,
    report: () => readReport(reportFile),
    startWorker: (env = {}) =>
      system.startWorker({
        program: 'test/harness/crash-worker.ts',
        // Machines are made with guests in mind; nobody is inside of them, and no gateway is asked.
        env: { CRASH_PLAN: planFile, CRASH_REPORT: reportFile, STOWAGE_GATEWAY_KEY: 'k'.repeat(32), ...env },
      }),
    begin: async (actor, kind, payload) => (await system.submit(kind, payload, { actor, role: 'admin' })).id,
  };
}

/** What a scenario works with. */
export interface Stage {
  readonly system: ImageSystem;
  /** The machine of this scenario alone. */
  readonly machine: string;
  /** Runs a job that must succeed. */
  succeed(kind: string, payload: JsonObject): Promise<Job>;
  /** Takes a record out of Redis. */
  forget(type: RecordType, name: string): Promise<void>;
}

export function stageOf({ system, redis }: CrashSystem<ImageSystem>, machine: string): Stage {
  return {
    system,
    machine,
    async succeed(kind, payload) {
      const job = await system.run(kind, payload);
      if (job.state !== 'succeeded') throw new Error(`${kind} should succeed: ${JSON.stringify(job.error)}`);
      return job;
    },
    async forget(type, name) {
      await redis.multi().del(`{stowage}:rec:${type}:${name}`).zrem(`{stowage}:recs:${type}`, name).exec();
    },
  };
}
