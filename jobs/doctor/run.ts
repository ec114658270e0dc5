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
/** What each step found. */
type Notes = Readonly<Record<keyof typeof EXAMINATIONS, readonly Check[]>>;

const EXAMINATIONS = {
  vcenter: examineVcenter,
  datastores: examineStores,
  redis: examineRedis,
  registries: examineRegistries,
  gateways: examineGateways,
} as const;
const NAMES = Object.keys(EXAMINATIONS) as readonly (keyof typeof EXAMINATIONS)[];

/** A step each, so that who waits sees what is looked at, and what was found outlives a worker. */
const steps = NAMES.map(
  (name): Step<Payload, Notes> => ({
    name,
    async run(context) {
      const notes: Partial<Notes> = { [name]: await EXAMINATIONS[name](context) };
      return { notes };
    },
  }),
);

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
  steps,
  finish: ({ notes }) => ({ checks: NAMES.flatMap((name) => notes[name] ?? []) }),
});
