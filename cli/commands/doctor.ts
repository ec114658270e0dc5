import type { Command } from 'commander';
import { z } from 'zod';
import { type Check, checkSchema, showChecks, summaryOf } from '../checks.ts';
import { newIdempotencyKey } from '../client.ts';
import { addCommand, option, type Program, type Run } from '../command.ts';
import { type Exit, Failure } from '../failure.ts';
import { follow } from '../follow.ts';
import { jobSchema } from '../job.ts';
import { checkApi, checkDocker, checkKey, checkReady } from '../near-checks.ts';

const resultSchema = z.looseObject({ checks: z.array(checkSchema) });

export function doctorCommand(root: Command, program: Program): void {
  addCommand(root, program, {
    usage: 'doctor',
    summary:
      'What is wrong and what to do: the way to the API, the key, vCenter, datastores, clocks, Redis, registries',
    options: [option('--near', 'only what can be seen from here: submit no job')],
    examples: ['doctor', 'doctor --json | jq \'.checks[] | select(.state != "ok")\''],
    run: examine,
  });
}

async function examine(run: Run): Promise<Exit> {
  const { out } = run;
  const checks: Check[] = [];
  const add = (found: readonly Check[]): void => {
    checks.push(...found);
    if (!out.isJson) showChecks(out, found);
  };
  const exit = await lookAtAll(run, add);
  if (out.isJson) out.json({ checks });
  else out.line(`\n${summaryOf(checks)}`);
  if (exit !== 'ok') return exit;
  return checks.some(({ state }) => state === 'failed') ? 'failed' : 'ok';
}

async function lookAtAll(run: Run, add: (checks: readonly Check[]) => void): Promise<Exit> {
  const api = await checkApi(run);
  add(api.checks);
  if (!api.isReachable) return 'unreachable';
  const key = await checkKey(run);
  add([key]);
  add(await checkDocker(run));
  const ready = await checkReady(run);
  add(ready.checks);
  if (key.state === 'failed') return 'not-allowed';
  if (run.options.flag('near')) return 'ok';
  if (!ready.isReady)
    add([{ name: 'job', state: 'skipped', message: 'what a worker sees was not looked at: no job could run' }]);
  else add(await checksOfJob(run));
  return 'ok';
}

/** The rest is seen from where jobs run. */
async function checksOfJob(run: Run): Promise<readonly Check[]> {
  try {
    const answer = await run.client.call({
      method: 'POST',
      path: 'v1/jobs',
      body: { kind: 'doctor.run', payload: {} },
      headers: { 'idempotency-key': newIdempotencyKey() },
    });
    const job = await follow(run, jobSchema.parse(answer.body));
    if (job.state === 'succeeded') return resultSchema.parse(job.result).checks;
    const message = `job ${job.id} ended as ${job.state}: ${job.error?.message ?? 'it does not say why'}`;
    return [{ name: 'job', state: 'failed', message, advice: job.error?.advice ?? `See: stowage job show ${job.id}` }];
  } catch (error) {
    if (!(error instanceof Failure) || error.exit === 'interrupted') throw error;
    if (error.details.code === 'role-insufficient') {
      return [
        {
          name: 'job',
          state: 'skipped',
          message: 'what a worker sees was not looked at: that needs the role operator',
        },
      ];
    }
    return [
      {
        name: 'job',
        state: 'failed',
        message: error.message,
        advice: error.details.advice ?? 'See the log of the api.',
      },
    ];
  }
}
