import { z } from 'zod';
import type { ContainerMount, ContainerRecord } from '../../core/container.ts';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import { type ContainerId, type JobId, machineUuidOf, type Moref, type VolumeName } from '../../core/ids.ts';
import type { ImageRecord } from '../../core/image.ts';
import type { Job, Json, JsonObject } from '../../core/job.ts';
import type { Machine } from '../../core/ports/machines.ts';
import { shortId } from '../../core/reference.ts';
import { isJobOver } from '../../core/states.ts';
import { abandonChildren, endedChildren } from '../children.ts';
import { type AnyKind, defineKind, type Step, type StepContext } from '../define.ts';
import { theImage } from '../image/image-of.ts';
import { noted } from '../noted.ts';
import { ANONYMOUS_LABEL } from './anonymous.ts';
import { containerEvent, machineOfContainer, moved, put } from './container-of.ts';
import { buildMachine, takeMachineBack } from './machine.ts';
import { createSchema, type CreatePayload, type MountRequest } from './payloads.ts';
import { containerHome, containerLine, containersOf, nameLine, vmxPathOf } from './place.ts';
import { prepareCreation } from './prepare-creation.ts';
import { settingsOf, specOf } from './spec.ts';
import { nameTaken } from './taken.ts';

// The name first, so that of two creations one is refused here; then the volumes that are missing, as jobs of their own; then the
// machine, in one Task: it is there with its whole configuration, or not at all.

interface Notes {
  /** The children that make volumes, by volume. */
  readonly making: Readonly<Record<string, JobId>>;
  readonly machine: Moref;
}
type Context = StepContext<CreatePayload, Notes>;

const idOf = (context: Context): ContainerId => noted(context.payload.id);

/** As far as it is known before the volumes are there. */
function provisional(mounts: readonly MountRequest[]): readonly ContainerMount[] {
  return mounts.map(({ volume, destination, access, noCopy, anonymous = false }) => ({
    volume: noted(volume),
    destination,
    access,
    anonymous,
    noCopy,
    backing: 'block',
  }));
}

/** @throws `image-not-found` when it is being pulled or removed */
async function availableImage(context: Context): Promise<ImageRecord> {
  const { record } = await theImage(context, noted(context.payload.imageId));
  if (record.state === 'available') return record;
  throw new StowageError(
    'image-not-found',
    `image ${shortId(record.name)} is ${record.state === 'deleting' ? 'being removed' : 'not there yet'}`,
  );
}

const reserve: Step<CreatePayload, Notes> = {
  name: 'reserve',
  isLocal: true,
  async run(context) {
    const { payload } = context;
    const id = idOf(context);
    const called = noted(payload.name);
    const image = await availableImage(context);
    const owner = await context.records.read('container-name', called);
    // A name of no container is left over from one that was renamed and removed.
    const isTaken =
      owner !== undefined &&
      owner.record.container !== id &&
      (await context.records.read('container', owner.record.container)) !== undefined;
    if (isTaken) throw nameTaken(called, owner.record.container);
    const known = await context.records.read('container', id);
    if (known !== undefined && known.record.state !== 'creating') throw nameTaken(called, id);
    const now = context.now();
    const record: ContainerRecord = {
      type: 'container',
      name: id,
      called,
      state: 'creating',
      spec: specOf({ ...payload, id }, image, provisional(payload.mounts ?? [])),
      settings: settingsOf(payload),
      run: { wanted: 'stopped', restarts: 0 },
      createdAt: now,
      updatedAt: now,
      job: context.jobId,
    };
    const making = Object.fromEntries((payload.mounts ?? []).map(({ volume }) => [noted(volume), context.newJobId()]));
    return {
      notes: { making },
      records: [
        { op: 'put', record, expectedRev: known?.rev ?? 0 },
        { op: 'put', record: { type: 'container-name', name: called, container: id }, expectedRev: owner?.rev ?? 0 },
      ],
    };
  },
};

/** Volumes that are missing are made; then it is known of each whether it is a device. */
const volumes: Step<CreatePayload, Notes> = {
  name: 'volumes',
  applies: ({ payload }) => (payload.mounts ?? []).length > 0,
  async run(context) {
    const { payload } = context;
    const making = noted(context.notes.making);
    const requests = new Map((payload.mounts ?? []).map((mount) => [noted(mount.volume), mount]));
    const ids: JobId[] = [];
    for (const [volume, request] of requests) {
      const id = noted(making[volume]);
      const begun = await context.jobs.read(id);
      const isPresent = await isThere(context, volume);
      if (isPresent && (begun === undefined || wasMadeOtherwise(begun))) {
        await abandonChildren(context, [id]);
        continue;
      }
      await context.submit('volume.create', creationOf(volume, request), id);
      ids.push(id);
    }
    if (ids.length > 0 && (await endedChildren(context, ids)) === undefined) return { awaits: ids };
    const own = await ownRecord(context);
    const mounts = await Promise.all(
      own.record.spec.mounts.map(async (mount): Promise<ContainerMount> => {
        const found = await context.records.read('volume', mount.volume);
        if (found?.record.place === undefined)
          throw new StowageError('volume-not-found', `volume ${mount.volume} is not there any more`);
        if (mount.access === 'read-write' && found.record.spec.access === 'read-only')
          return { ...mount, access: 'read-only', backing: found.record.place.backing };
        return { ...mount, backing: found.record.place.backing };
      }),
    );
    const record = { ...own.record, spec: { ...own.record.spec, mounts }, updatedAt: context.now() };
    return { records: [put(own, record)] };
  },
};

/** Somebody was faster, or took a removal back: a volume that is there is taken as it is. */
function wasMadeOtherwise({ state, error }: Job): boolean {
  return isJobOver(state) && error?.code === 'volume-exists';
}

async function isThere(context: Context, volume: VolumeName): Promise<boolean> {
  const found = await context.records.read('volume', volume);
  return found !== undefined && found.record.state !== 'creating' && found.record.state !== 'deleting';
}

function creationOf(name: VolumeName, { options, labels, anonymous }: MountRequest): JsonObject {
  const own: Record<string, Json> = { ...labels, ...(anonymous === true ? { [ANONYMOUS_LABEL]: '' } : {}) };
  return { name, options: { ...options }, labels: own };
}

/** Gone records (Redis was emptied while the job ran) cannot be: the claim went with them. @throws `record-stale` */
async function ownRecord(context: Context) {
  const found = await context.records.read('container', idOf(context));
  if (found === undefined) throw new StowageError('record-stale', `the record of container ${idOf(context)} is gone`);
  return found;
}

const machine: Step<CreatePayload, Notes> = {
  name: 'machine',
  task: { method: 'CreateVM_Task' },
  async probe(context) {
    const found = await ourMachine(context);
    return found === undefined ? undefined : { notes: { machine: found.ref } };
  },
  async run(context) {
    const { record } = await ownRecord(context);
    const image = await availableImage(context);
    const { create, createdMachine } = context.dataCentre.machines;
    const spec = await buildMachine(context, record, image);
    try {
      return { notes: { machine: createdMachine(await context.task(() => create(spec, context.fence))) } };
    } catch (thrown) {
      if (!isErrorCode(thrown, 'vcenter-exists')) throw thrown;
      const found = await ourMachine(context);
      if (found !== undefined) return { notes: { machine: found.ref } };
      throw new StowageError(
        'container-exists',
        `vSphere has a machine named ${record.called} that is no container of Stowage's`,
        {
          cause: thrown,
        },
      );
    }
  },
  undoTask: { method: 'Destroy_Task' },
  undo: async (context) => takeMachineBack(context, { name: idOf(context) }),
};

function ourMachine(context: Context): Promise<Machine | undefined> {
  return machineOfContainer(context, { name: idOf(context) });
}

const publish: Step<CreatePayload, Notes> = {
  name: 'publish',
  isLocal: true,
  async run(context) {
    const own = await ownRecord(context);
    const id = idOf(context);
    const found = {
      ref: noted(context.notes.machine),
      uuid: machineUuidOf(id),
      vmxPath: vmxPathOf(containerHome(containersOf(context.world), id), id),
    };
    const record = moved(context, own.record, 'created', { machine: found });
    return { records: [put(own, record)], events: [containerEvent('container.created', record)] };
  },
};

export const containerCreate: AnyKind = defineKind<CreatePayload, Notes>({
  kind: 'container.create',
  summary:
    "Makes a container of an image: a virtual machine, powered off, with the image's layers, a disk of its own, and the volumes that are missing.",
  role: 'operator',
  lane: 'default',
  payload: createSchema as unknown as z.ZodType<CreatePayload>,
  result: z.object({
    id: z.string(),
    name: z.string(),
    image: z.string().describe('The digest of its configuration'),
    machine: z.string().describe('The moref of its machine'),
  }),
  check: (_, world) =>
    world.containers === undefined || world.imageStore === undefined
      ? [{ pointer: '', detail: 'there is no place for containers: STOWAGE_IMAGE_STORE is not set' }]
      : [],
  prepare: prepareCreation,
  resources: ({ id, name }) => [
    ...(id === undefined ? [] : [containerLine(id)]),
    ...(name === undefined ? [] : [nameLine(name)]),
  ],
  joins: false,
  retry: { maxAttempts: 6, baseMs: 300, capMs: 15_000 },
  deadlineMs: 60 * 60 * 1_000,
  steps: [reserve, volumes, machine, publish],
  finish: ({ payload, notes }) => ({
    id: noted(payload.id),
    name: noted(payload.name),
    image: noted(payload.imageId),
    machine: noted(notes.machine),
  }),
  async abandon(context, error, undone) {
    const id = idOf(context);
    await abandonChildren(context, Object.values(context.notes.making ?? {}));
    const own = await context.records.read('container', id);
    if (own === undefined || own.record.job !== context.jobId) return {};
    const { record } = own;
    const failed = containerEvent('container.failed', record, { code: error.code, message: error.message });
    if (!undone) {
      return { records: [put(own, moved(context, record, 'dead', { error: error.message }))], events: [failed] };
    }
    for (const mount of record.spec.mounts) {
      if (mount.anonymous) await context.submit('volume.remove', { name: mount.volume, container: id });
    }
    const owner = await context.records.read('container-name', record.called);
    return {
      records: [
        { op: 'remove', type: 'container', name: id, expectedRev: own.rev },
        ...(owner?.record.container === id
          ? [{ op: 'remove' as const, type: 'container-name' as const, name: record.called, expectedRev: owner.rev }]
          : []),
      ],
      events: [failed],
    };
  },
});
