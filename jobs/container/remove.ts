import { z } from 'zod';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import {
  type ContainerName,
  type DatastorePath,
  type JobId,
  type Moref,
  parentPath,
  parseContainerName,
  parseVolumeName,
} from '../../core/ids.ts';
import type { RecordChange } from '../../core/record.ts';
import { branded, setByStowage } from '../branded.ts';
import { type AnyKind, defineKind, type Step, type StepContext } from '../define.ts';
import { noted } from '../noted.ts';
import { ignoreMissing } from '../volume/ignore-missing.ts';
import {
  busy,
  containerEvent,
  machineOfContainer,
  moved,
  ownContainer,
  prepareOnContainer,
  put,
} from './container-of.ts';
import type { ContainerRecord } from '../../core/container.ts';
import { noSuchContainer } from './find.ts';
import { askGuest, asking, type EndNotes } from './guest-end.ts';
import { type DiskPaths, endLeases, markLeaving, mountedVolumesLeft, pathsIn } from './leases.ts';
import { leasesAsSeen } from './leases-as-seen.ts';
import { scratchOf } from './machine.ts';
import { type OnContainer, onContainer } from './payloads.ts';
import { powerOff } from './power.ts';
import { nameLine } from './place.ts';
import { resourcesOf } from './resources.ts';
import { containersOfVolume } from './users.ts';

// vCenter deletes every disk that is attached to a machine that it destroys: so volumes and layers go out first, without their files, and
// only then the machine. What is deleted besides is its home, which nothing else is in.

interface Payload extends OnContainer {
  readonly force?: boolean;
  readonly anonymous?: boolean;
  readonly called?: ContainerName;
}
interface Notes extends EndNotes {
  readonly before: ContainerRecord['state'];
  readonly machine: Moref | null;
  readonly home: DatastorePath | null;
  readonly paths: DiskPaths;
  /** The jobs that remove its anonymous volumes, by volume. */
  readonly anonymous: Readonly<Record<string, JobId>>;
}
type Context = StepContext<Payload, Notes>;

const ALIVE = ['running', 'paused', 'starting', 'stopping', 'recovering'];

const reserve: Step<Payload, Notes> = {
  name: 'reserve',
  async run(context) {
    const own = await ownContainer(context).catch(asNothing);
    if (own === undefined) return { done: { id: noted(context.payload.id), removed: false, volumeJobs: [] } };
    const { record } = own;
    if (record.state === 'creating') throw busy(record, 'removed');
    const isAlive = ALIVE.includes(record.state);
    if (isAlive && context.payload.force !== true) throw runningRefused(record);
    const machine = await machineOfContainer(context, record);
    const mounted = await mountedVolumesLeft(context, record);
    const next = record.state === 'removing' ? record : moved(context, record, 'removing');
    return {
      notes: {
        before: record.state,
        machine: machine?.ref ?? record.machine?.ref ?? null,
        home: record.machine === undefined ? null : parentPath(record.machine.vmxPath),
        // Whoever finds the disks gone does not know any more where they were.
        paths: machine === undefined ? {} : pathsIn(machine, mounted),
        ...asking(context, machine, { signal: 'KILL', timeoutSeconds: 0 }),
      },
      records: [
        put(own, { ...next, updatedAt: context.now(), job: context.jobId }),
        ...(machine === undefined ? [] : markLeaving(context, machine.ref, mounted)),
      ],
    };
  },
};

function asNothing(thrown: unknown): undefined {
  if (!isErrorCode(thrown, 'container-not-found')) throw thrown;
}

/** With dockerd's text. */
function runningRefused(record: ContainerRecord): StowageError {
  return new StowageError(
    'container-busy',
    `cannot remove container "/${record.called}": container is ${record.state}: stop the container before removing or force remove`,
  );
}

async function ownRecord(context: Context) {
  const found = await context.records.read('container', noted(context.payload.id));
  if (found === undefined) throw noSuchContainer(context.payload.container);
  return found;
}

const powerDown: Step<Payload, Notes> = {
  name: 'power',
  task: { method: 'PowerOffVM_Task', entity: ({ notes }) => notes.machine ?? undefined },
  async run(context) {
    const machine = await machineOfContainer(context, (await ownRecord(context)).record);
    if (machine !== undefined) await powerOff(context, machine);
    return {};
  },
};

const takeOut: Step<Payload, Notes> = {
  name: 'devices',
  task: { method: 'ReconfigVM_Task', entity: ({ notes }) => notes.machine ?? undefined },
  async run(context) {
    const { record } = await ownRecord(context);
    const machine = await machineOfContainer(context, record);
    if (machine === undefined) return {};
    const mounted = await mountedVolumesLeft(context, record);
    const paths = { ...context.notes.paths, ...pathsIn(machine, mounted) };
    const scratch = scratchOf(machine);
    const keys = machine.disks.map(({ key }) => key).filter((key) => key !== scratch?.key);
    if (keys.length > 0) await detach(context, machine.ref, scratch?.key);
    return { notes: { paths } };
  },
};

/** All but the scratch disk, whatever their kind. */
async function detach(context: Context, machine: Moref, scratch: number | undefined): Promise<void> {
  const { machines } = context.dataCentre;
  const kept = scratch === undefined ? [] : [scratch];
  await context.task(async () => {
    const ref = await machines.detachAllBut(machine, kept, context.fence);
    if (ref !== undefined) return ref;
    throw new StowageError('vcenter-conflict', `the disks of ${machine} changed while they were taken out`);
  });
}

const destroy: Step<Payload, Notes> = {
  name: 'destroy',
  task: { method: 'Destroy_Task', entity: ({ notes }) => notes.machine ?? undefined },
  async run(context) {
    const machine = await machineOfContainer(context, (await ownRecord(context)).record);
    if (machine === undefined) return {};
    // Somebody attached one again: it would be deleted with the machine.
    const foreign = machine.disks.filter(({ key }) => key !== scratchOf(machine)?.key);
    if (foreign.length > 0) {
      const paths = foreign.map(({ path }) => path).join(', ');
      throw new StowageError('vcenter-conflict', `${machine.name} has disks that are not its own: ${paths}`);
    }
    await ignoreMissing(context.task(() => context.dataCentre.machines.destroy(machine.ref, context.fence)));
    return {};
  },
};

/** Of a machine that somebody had taken out of the inventory, its files are left. */
const home: Step<Payload, Notes> = {
  name: 'home',
  applies: ({ notes }) => notes.home !== null,
  task: { method: 'DeleteDatastoreFile_Task' },
  async run(context) {
    const { files } = context.dataCentre;
    const path = noted(context.notes.home ?? undefined);
    if ((await files.list(path, context.signal)) === undefined) return {};
    await ignoreMissing(context.task(() => files.remove(path, context.fence)));
    return {};
  },
};

const forget: Step<Payload, Notes> = {
  name: 'forget',
  async run(context) {
    const own = await ownRecord(context);
    const { record } = own;
    const { machine, paths = {} } = context.notes;
    await forgetOutput(context, record);
    const mounted = await mountedVolumesLeft(context, record);
    const machines = [machine, record.machine?.ref].flatMap((ref) => (ref === null || ref === undefined ? [] : [ref]));
    const leases = await endLeases(context, machines, { mounted, paths });
    const anonymous = record.spec.mounts.filter((mount) => mount.anonymous).map(({ volume }) => volume);
    return {
      notes: { anonymous: Object.fromEntries(anonymous.map((volume) => [volume, context.newJobId()])) },
      records: [
        { op: 'remove', type: 'container', name: record.name, expectedRev: own.rev },
        ...(await nameFreed(context, record)),
        ...leases.records,
      ],
      events: [...leases.events, containerEvent('container.removed', record)],
    };
  },
};

/** What is left of it takes room at the gateway, and harms nobody. */
async function forgetOutput({ guests, signal, warn }: Context, { name }: ContainerRecord): Promise<void> {
  try {
    await guests?.forget(name, signal);
  } catch (thrown) {
    if (!isErrorCode(thrown, 'guest-unreachable')) throw thrown;
    warn('no gateway was there to forget the output of a container', { container: name });
  }
}

/** Renamed since this job was submitted, it is not in this job's line: a name of no container is free, and reconcile forgets it. */
async function nameFreed(context: Context, { name, called }: ContainerRecord): Promise<readonly RecordChange[]> {
  if (context.payload.called !== called) return [];
  const owner = await context.records.read('container-name', called);
  if (owner?.record.container !== name) return [];
  return [{ op: 'remove', type: 'container-name', name: called, expectedRev: owner.rev }];
}

/** Not waited for: this job stands in the lines of some of them. */
const rest: Step<Payload, Notes> = {
  name: 'anonymous',
  applies: ({ payload }) => payload.anonymous === true,
  async run(context) {
    const anonymous: Record<string, JobId> = {};
    for (const [name, id] of Object.entries(noted(context.notes.anonymous))) {
      // One that another container took over with --volumes-from stays.
      if ((await containersOfVolume(context, noted(parseVolumeName(name)))).length > 0) continue;
      await context.submit('volume.remove', { name }, id);
      anonymous[name] = id;
    }
    return { notes: { anonymous } };
  },
};

export const containerRemove: AnyKind = defineKind<Payload, Notes>({
  kind: 'container.remove',
  summary: 'Removes a container and what it wrote. Named volumes stay; anonymous ones go when that is asked for.',
  role: 'operator',
  lane: 'default',
  payload: z.strictObject({
    ...onContainer,
    force: z.boolean().optional().describe('Also when it is running'),
    anonymous: z.boolean().optional().describe('Its anonymous volumes go, too'),
    called: setByStowage(branded(parseContainerName)),
  }) as unknown as z.ZodType<Payload>,
  result: z.object({
    id: z.string(),
    removed: z.boolean().describe('false: there was no such container'),
    volumeJobs: z.array(z.string()).describe('The jobs that remove its anonymous volumes'),
  }),
  async prepare(payload, context) {
    const { record, ...prepared } = await prepareOnContainer(payload, context);
    return { ...prepared, called: record.called };
  },
  resources: (payload) => [
    ...resourcesOf(payload),
    ...(payload.called === undefined ? [] : [nameLine(payload.called)]),
  ],
  joins: true,
  retry: { maxAttempts: 8, baseMs: 300, capMs: 15_000 },
  deadlineMs: 30 * 60 * 1_000,
  steps: [reserve, askGuest, powerDown, takeOut, destroy, home, forget, rest],
  finish: ({ payload, notes }) => ({
    id: noted(payload.id),
    removed: true,
    volumeJobs: payload.anonymous === true ? Object.values(notes.anonymous ?? {}) : [],
  }),
  /** What is left is removed by a redrive, or by removing it again. */
  async abandon(context, error) {
    const own = await context.records.read('container', noted(context.payload.id));
    if (own === undefined || own.record.job !== context.jobId) return {};
    const machine = await machineOfContainer(context, own.record);
    const mounted = await mountedVolumesLeft(context, own.record);
    const before = [context.notes.machine, own.record.machine?.ref].filter((ref) => ref !== undefined && ref !== null);
    const leases = await leasesAsSeen(context, machine, { mounted, before });
    const record = moved(context, own.record, 'dead', { error: error.message });
    const failed = containerEvent('container.failed', record, { code: error.code, message: error.message });
    return { records: [put(own, record), ...leases.records], events: [failed, ...leases.events] };
  },
});
