import { z } from 'zod';
import { resourceKey } from '../../core/ids.ts';
import { type AnyKind, defineKind, type Step } from '../define.ts';
import { type Check, checkSchema } from './checks.ts';
import { examineGateways, examineRegistries } from './outside.ts';
import { examineRedis } from './redis.ts';
import { examineStores } from './stores.ts';
import { examineVcenter } from './vcenter.ts';

// Looks at what Stowage stands on, from where jobs run. It changes nothing, and succeeds whatever it finds: the findings are its result.

type Payload = Readonly<Record<string, never>>;
interface Notes {
  readonly checks: readonly Check[];
}

const EXAMINATIONS = [
  ['vCenter', examineVcenter],
  ['datastores', examineStores],
  ['Redis', examineRedis],
  ['registries', examineRegistries],
  ['gateways', examineGateways],
] as const;

const examineAll: Step<Payload, Notes> = {
  name: 'examine',
  isLocal: true,
  async run(context) {
    const checks: Check[] = [];
    for (const [at, [what, examination]] of EXAMINATIONS.entries()) {
      context.progress({ phase: `looking at ${what}`, current: at, total: EXAMINATIONS.length });
      checks.push(...(await examination(context)));
    }
    return { notes: { checks } };
  },
};

export const doctorRun: AnyKind = defineKind<Payload, Notes>({
  kind: 'doctor.run',
  summary:
    'Examines what Stowage stands on: vCenter (login, version, privileges, clock), datastores, Redis, registries, gateways. Changes nothing.',
  role: 'operator',
  lane: 'upkeep',
  payload: z.strictObject({}),
  result: z.object({ checks: z.array(checkSchema) }),
  resources: () => [resourceKey('system', 'doctor')],
  joins: true,
  retry: { maxAttempts: 2, baseMs: 1_000, capMs: 5_000 },
  deadlineMs: 10 * 60 * 1_000,
  steps: [examineAll],
  finish: ({ notes }) => ({ checks: notes.checks ?? [] }),
});
