import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { CONTAINER_KEYS, type ContainerStatus } from '../../core/container.ts';
import { type ContainerId, parseContainerId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/job.ts';
import type { Guests } from '../../core/ports/guests.ts';
import { createGuests } from '../../gateway/client.ts';
import { freePort, type GatewayPorts, type Probe, startGateway, startProbe } from './gateway-processes.ts';
import { buildGo } from '../../lab/go.ts';
import { systemClock } from '../../platform/clock.ts';
import { Secret } from '../../platform/secret.ts';
import { type LabMachine, machineConfigs } from '../system/lab-view.ts';
import type { System } from './system.ts';

// Somebody in the machines of a lab that runs none: for each that is on, a process with the guest's end of the link, which proves itself by
// what is in the machine's configuration, as a guest does. The gateway is the real one.

const LOOK_MS = 50;
/** So long a machine that is visited stays on. A guest stays until nobody has asked for anything for 5 s. */
const VISIT_MS = 1_500;

export interface Inhabitants {
  readonly guests: Guests;
  /** What is mounted, by the uuids of its disks. */
  mountsOf(container: ContainerId): Promise<JsonObject>;
  close(): Promise<void>;
}

interface Inhabitant {
  readonly run: string;
  readonly probe: Probe;
  readonly sinceMs: number;
  readonly isVisit: boolean;
}

/** Where a gateway will be, and what workers must have in their environment from the beginning. */
export async function planGateway(
  key: string,
): Promise<{ readonly ports: GatewayPorts; readonly env: Record<string, string> }> {
  const ports = { guestPort: await freePort(), facePort: await freePort() };
  return { ports, env: { STOWAGE_GATEWAY_KEY: key, STOWAGE_GATEWAY_URI: `tcp://127.0.0.1:${ports.guestPort}` } };
}

export async function openInhabitants(system: System, ports: GatewayPorts, key: string): Promise<Inhabitants> {
  const logger = pino({ level: 'silent' });
  const root = new URL('../..', import.meta.url).pathname;
  const program = await buildGo({ root, module: 'guest', program: 'link/probe', env: process.env, logger });
  const env = { REDIS_URL: system.redis.url };
  const gateway = await startGateway(ports, { dir: system.directory, key: new Secret(key), env });
  const guests = createGuests({ places: system.store.guestPlaces, key: new Secret(key), clock: systemClock });
  const there = new Map<string, Inhabitant>();
  const over = new AbortController();
  const look = async (): Promise<void> => {
    const all = (await system.lab('GET', '/vms')) as readonly LabMachine[];
    for (const [moid, { probe }] of there) {
      if (all.some((machine) => machine.moid === moid && machine.power === 'poweredOn')) continue;
      probe.process.kill('SIGKILL');
      there.delete(moid);
    }
    for (const machine of all.filter(({ power }) => power === 'poweredOn'))
      await inhabit(system, machine, { there, program, ports });
  };
  const looking = (async () => {
    while (!over.signal.aborted) {
      await look();
      await sleep(LOOK_MS);
    }
  })();
  return {
    guests,
    mountsOf: async (container) =>
      (await guests.call(container, 'state', {}, AbortSignal.timeout(10_000)))['mounts'] as JsonObject,
    async close() {
      over.abort();
      await looking;
      for (const { probe } of there.values()) probe.process.kill('SIGKILL');
      guests.close();
      await gateway.kill();
    },
  };
}

interface Bed {
  readonly there: Map<string, Inhabitant>;
  readonly program: string;
  readonly ports: GatewayPorts;
}

/** One that has ended, or was visited long enough, takes the machine's power away with it, as a guest does. */
async function inhabit(system: System, machine: LabMachine, { there, program, ports }: Bed): Promise<void> {
  const said = await machineConfigs(system, machine).catch(() => undefined);
  const id = parseContainerId(said?.[CONTAINER_KEYS.id] ?? '');
  const secret = said?.[CONTAINER_KEYS.secret] ?? '';
  if (said === undefined || id === undefined || secret === '') return;
  const visit = said[CONTAINER_KEYS.visit] ?? '';
  const {
    run: { startedAt = '' },
  } = JSON.parse(said[CONTAINER_KEYS.status] ?? '{"run":{}}') as Pick<ContainerStatus, 'run'>;
  const run = visit === '' ? startedAt : visit;
  const now = there.get(machine.moid);
  if (now === undefined) {
    const probe = startProbe(program, id, { boot: randomUUID(), run, secret, stops: true, ports: [ports.guestPort] });
    there.set(machine.moid, { run, probe, sinceMs: performance.now(), isVisit: visit !== '' });
    return;
  }
  const isLeaving = now.isVisit && performance.now() - now.sinceMs > VISIT_MS;
  if (now.probe.process.exitCode === null && !isLeaving) return;
  now.probe.process.kill('SIGKILL');
  there.delete(machine.moid);
  await system.lab('POST', `/vms/${machine.name}/power`, { on: false }).catch(() => undefined);
}
