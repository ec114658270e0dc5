import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import type { Moref, VolumeName } from '../../core/ids.ts';
import { splitMoref } from '../../core/ids.ts';
import type { Machine } from '../../core/ports/machines.ts';
import { ACCESS_MODES, type AccessMode, type VolumeHolder, type VolumeRecord } from '../../core/volume.ts';
import { type AnyKind, defineKind, type Step, type StepContext } from '../define.ts';
import { noted } from '../noted.ts';
import { whereItLies } from './find-disk.ts';
import { defaultMountPath, mountInGuest, unmountInGuest } from './guest-mount.ts';
import { diskIn, findMachine, machineLine, machineSchema } from './machine-of.ts';
import { volumeNameSchema } from './options.ts';
import { accessOf, refuseSharing } from './sharing.ts';
import { chooseSlot } from './slots.ts';
import {
  findHolders,
  findVolume,
  followTo,
  inUse,
  moved,
  ownVolume,
  put,
  volumeLine,
  withHolderNamed,
} from './volume-of.ts';

// The lease comes before the device: the record says who will hold the volume before vSphere is asked, so that of two attaches
// one is refused here and vSphere's file lock is the second line of defence, not the first.

interface Payload {
  readonly volume: VolumeName;
  readonly machine: string;
  readonly access?: AccessMode | undefined;
  readonly path?: string | undefined;
}
interface Notes {
  readonly machine: Moref;
  readonly machineName: string;
  readonly access: AccessMode;
  readonly device: VolumeHolder;
  readonly mountedAt: string;
}
type Context = StepContext<Payload, Notes>;

const lease: Step<Payload, Notes> = {
  name: 'lease',
  isLocal: true,
  async run(context) {
    const { payload } = context;
    const found = await findVolume(context, payload.volume);
    const { record } = found;
    if (record.place?.disk === undefined) {
      throw new StowageError(
        'operation-unsupported',
        `volume ${record.name} is a directory on NFS: it is mounted by guests (${record.place?.home ?? ''}), not attached as a device`,
      );
    }
    const machine = await findNow(context);
    const access = accessOf(payload.access, record);
    const notes = { machine: machine.ref, machineName: machine.name, access };
    const others = record.holders.filter((holder) => holder.machine !== machine.ref && holder.job !== context.jobId);
    const own = record.holders.find((holder) => holder.machine === machine.ref);
    refuseSharing(record, others, access);
    if (record.state === 'in-use' && own !== undefined) {
      if (own.access !== access) throw inUse(record, `attached ${access}`);
      if (diskIn(machine, record) !== undefined) return { done: resultOf(record, own, false) };
    }
    if (!['available', 'in-use', 'attaching'].includes(record.state)) {
      throw new StowageError('volume-busy', `volume ${record.name} is ${record.state} and cannot be attached now`);
    }
    const holder: VolumeHolder = { machine: machine.ref, machineName: machine.name, access, job: context.jobId };
    return { notes, records: [put(found, moved(context, record, 'attaching', { holders: [...others, holder] }))] };
  },
};

/** One that this job has met before comes back under another moref, when its host was lost and it is registered on another. */
async function findNow(context: Context): Promise<Machine> {
  const { payload, notes, dataCentre, signal } = context;
  if (notes.machine === undefined) return findMachine(context, payload.machine);
  const found = await dataCentre.machines.find(payload.machine, signal);
  if (found !== undefined) return found;
  throw new StowageError('vcenter-conflict', `machine ${payload.machine} is not in vCenter at this moment`);
}

function resultOf(
  record: VolumeRecord,
  holder: VolumeHolder,
  attached: boolean,
): Record<string, string | number | boolean> {
  return {
    volume: record.name,
    machine: splitMoref(holder.machine).value,
    machineName: holder.machineName,
    access: holder.access,
    controllerKey: holder.controllerKey ?? 0,
    unit: holder.unit ?? 0,
    diskKey: holder.diskKey ?? 0,
    attached,
  };
}

const device: Step<Payload, Notes> = {
  name: 'device',
  task: { method: 'ReconfigVM_Task', entity: (context) => context.notes.machine },
  async run(context) {
    const own = await ownVolume(context, context.payload.volume);
    const { access } = context.notes;
    const machine = await context.dataCentre.machines.find(noted(context.notes.machine), context.signal);
    if (machine === undefined) return { backTo: 'lease' };
    if (diskIn(machine, own.record) !== undefined) return {};
    await refuseStrangers(context, own.record);
    const slot = chooseSlot(machine);
    const mode = access === 'read-only' ? ('independent_nonpersistent' as const) : ('independent_persistent' as const);
    await withHolderNamed(context, own.record, () =>
      whereItLies(context, own.record, (path) =>
        context.task(() =>
          context.dataCentre.machines.attach(
            { machine: machine.ref, changeVersion: machine.changeVersion, path, slot, mode },
            context.fence,
          ),
        ),
      ),
    );
    return {};
  },
  undoTask: { method: 'ReconfigVM_Task', entity: (context) => context.notes.machine },
  async undo(context) {
    await takeBack(context);
  },
};

/** Machines that got the disk without us: a machine that is powered off holds no lock, yet it would write when it is started. */
async function refuseStrangers(context: Context, record: VolumeRecord): Promise<void> {
  const strangers = (await findHolders(context, record)).filter(
    (holder) =>
      holder.machine !== context.notes.machine && !record.holders.some((each) => each.machine === holder.machine),
  );
  refuseSharing(record, strangers, noted(context.notes.access));
}

async function takeBack(context: Context): Promise<void> {
  const { machine: ref } = context.notes;
  if (ref === undefined) return;
  const own = await ownVolume(context, context.payload.volume);
  const machine = await context.dataCentre.machines.find(ref, context.signal);
  const disk = machine === undefined ? undefined : diskIn(machine, own.record);
  if (machine === undefined || disk === undefined) return;
  await context.task(() =>
    context.dataCentre.machines.detach(
      { machine: ref, changeVersion: machine.changeVersion, diskKey: disk.key },
      context.fence,
    ),
  );
}

const mount: Step<Payload, Notes> = {
  name: 'mount',
  applies: ({ guests }) => guests !== undefined,
  async run(context) {
    const { volume, path = defaultMountPath(volume) } = context.payload;
    const own = await ownVolume(context, volume);
    const machine = noted(context.notes.machine);
    const mountedAt = await mountInGuest(context, own.record, { machine, path, access: noted(context.notes.access) });
    return mountedAt === undefined ? {} : { notes: { mountedAt } };
  },
  async undo(context) {
    const { machine } = context.notes;
    const own = await ownVolume(context, context.payload.volume);
    if (machine !== undefined) await unmountInGuest(context, own.record, machine);
  },
};

/** Reads back where the disk is, and makes the lease an attachment. */
const confirm: Step<Payload, Notes> = {
  name: 'confirm',
  isLocal: true,
  async run(context) {
    const own = await ownVolume(context, context.payload.volume);
    const machine = await context.dataCentre.machines.find(noted(context.notes.machine), context.signal);
    if (machine === undefined) return { backTo: 'lease' };
    const disk = diskIn(machine, own.record);
    if (disk === undefined)
      throw new StowageError(
        'vcenter-conflict',
        `the disk of volume ${own.record.name} is not in machine ${machine.name} any more`,
      );
    const holder: VolumeHolder = {
      machine: machine.ref,
      machineName: machine.name,
      access: noted(context.notes.access),
      controllerKey: disk.controllerKey,
      unit: disk.unit,
      diskKey: disk.key,
    };
    const holders = [...own.record.holders.filter((each) => each.machine !== machine.ref), holder];
    const { events, ...place } = followTo(own.record, disk.path);
    return {
      notes: { device: holder },
      records: [put(own, moved(context, own.record, 'in-use', { holders, ...place }))],
      events: [
        ...events,
        {
          type: 'volume.attached',
          subject: `volume:${own.record.name}`,
          data: { machine: machine.ref, machineName: machine.name, access: holder.access, unit: disk.unit },
        },
      ],
    };
  },
};

export const volumeAttach: AnyKind = defineKind<Payload, Notes>({
  kind: 'volume.attach',
  summary: 'Attaches a volume to a virtual machine, running or not: one writer, or several readers.',
  role: 'operator',
  lane: 'default',
  payload: z.strictObject({
    volume: volumeNameSchema,
    machine: machineSchema,
    access: z.enum(ACCESS_MODES).optional().describe("Default: the volume's own."),
    path: z
      .string()
      .max(4_096)
      .regex(/^\/./, 'must be an absolute path, and not "/" itself')
      .optional()
      .describe('Where it is mounted in a running container, until that stops. Default: /mnt/<volume>'),
  }),
  result: z.object({
    volume: z.string(),
    machine: z.string(),
    machineName: z.string(),
    access: z.enum(ACCESS_MODES),
    controllerKey: z.number(),
    unit: z.number(),
    diskKey: z.number(),
    attached: z.boolean().describe('false: it was attached there already'),
    mountedAt: z.string().optional().describe('In the container, where the machine is that of a running one'),
  }),
  resources: (payload) => [volumeLine(payload.volume), machineLine(payload.machine)],
  joins: true,
  retry: { maxAttempts: 8, baseMs: 300, capMs: 15_000 },
  deadlineMs: 15 * 60 * 1_000,
  steps: [lease, device, mount, confirm],
  finish(context) {
    const { device: holder } = context.notes;
    return {
      volume: context.payload.volume,
      machine: holder === undefined ? '' : splitMoref(holder.machine).value,
      machineName: holder?.machineName ?? '',
      access: holder?.access ?? 'read-write',
      controllerKey: holder?.controllerKey ?? 0,
      unit: holder?.unit ?? 0,
      diskKey: holder?.diskKey ?? 0,
      attached: true,
      ...(context.notes.mountedAt === undefined ? {} : { mountedAt: context.notes.mountedAt }),
    };
  },
  async abandon(context, error, undone) {
    const found = await context.records.read('volume', context.payload.volume);
    if (found === undefined || found.record.job !== context.jobId || found.record.state !== 'attaching') return {};
    const others = found.record.holders.filter((holder) => holder.job !== context.jobId);
    // What could not be taken back keeps its lease: reconcile asks vSphere who holds the disk.
    const holders = undone ? others : found.record.holders;
    const record = {
      ...found.record,
      state: holders.length === 0 ? ('available' as const) : ('in-use' as const),
      holders,
      updatedAt: context.now(),
    };
    return {
      records: [put(found, record)],
      events: [
        { type: 'volume.failed', subject: `volume:${record.name}`, data: { code: error.code, message: error.message } },
      ],
    };
  },
});
