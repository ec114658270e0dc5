import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import type { Moref, VolumeName } from '../../core/ids.ts';
import { splitMoref } from '../../core/ids.ts';
import type { MachineDisk } from '../../core/ports/data-centre.ts';
import type { VolumeHolder, VolumeRecord } from '../../core/volume.ts';
import { type AnyKind, defineKind, type Step } from '../define.ts';
import { noted } from '../noted.ts';
import { followInDocument } from './follow.ts';
import { unmountInGuest } from './guest-mount.ts';
import { diskIn, machineLine, machineSchema } from './machine-of.ts';
import { volumeNameSchema } from './options.ts';
import { findVolume, moved, nameHolders, ownVolume, put, volumeLine } from './volume-of.ts';

interface Payload {
  readonly volume: VolumeName;
  readonly machine?: string | undefined;
}
interface Notes {
  readonly machine: Moref;
  readonly holder: VolumeHolder;
  /** Where the disk is now: Storage DRS may have moved it while it was attached. */
  readonly path: MachineDisk['path'];
}

function isNamed(holder: VolumeHolder, machine: string): boolean {
  return holder.machineName === machine || holder.machine === machine || splitMoref(holder.machine).value === machine;
}

/** Whom to take it from: the one that the caller names, or the only one. */
function chooseHolder(record: VolumeRecord, machine: string | undefined): VolumeHolder | undefined {
  if (machine !== undefined) return record.holders.find((holder) => isNamed(holder, machine));
  if (record.holders.length > 1) {
    throw new StowageError(
      'volume-in-use',
      `volume ${record.name} has several holders; name one of ${nameHolders(record.holders)}`,
      { holder: nameHolders(record.holders) },
    );
  }
  return record.holders[0];
}

const release: Step<Payload, Notes> = {
  name: 'release',
  isLocal: true,
  async run(context) {
    const found = await findVolume(context, context.payload.volume);
    const { record } = found;
    const holder = chooseHolder(record, context.payload.machine);
    if (holder === undefined) return { done: { volume: record.name, detached: false } };
    if (!['in-use', 'detaching'].includes(record.state)) {
      throw new StowageError('volume-busy', `volume ${record.name} is ${record.state} and cannot be detached now`);
    }
    return { notes: { machine: holder.machine, holder }, records: [put(found, moved(context, record, 'detaching'))] };
  },
};

const unmount: Step<Payload, Notes> = {
  name: 'unmount',
  applies: ({ guests }) => guests !== undefined,
  async run(context) {
    const own = await ownVolume(context, context.payload.volume);
    await unmountInGuest(context, own.record, noted(context.notes.machine));
    return {};
  },
};

/** A machine or a device that is gone already is what was asked for. */
const device: Step<Payload, Notes> = {
  name: 'device',
  task: { method: 'ReconfigVM_Task', entity: (context) => context.notes.machine },
  async run(context) {
    const own = await ownVolume(context, context.payload.volume);
    const machine = await context.dataCentre.machines.find(noted(context.notes.machine), context.signal);
    const disk = machine === undefined ? undefined : diskIn(machine, own.record);
    if (machine === undefined || disk === undefined) return {};
    await context.task(() =>
      context.dataCentre.machines.detach(
        { machine: machine.ref, changeVersion: machine.changeVersion, diskKey: disk.key },
        context.fence,
      ),
    );
    return { notes: { path: disk.path } };
  },
};

/** Notes in the document where the disk is now, if it was moved, before the record says that it is free. */
const settle: Step<Payload, Notes> = {
  name: 'settle',
  async run(context) {
    const own = await ownVolume(context, context.payload.volume);
    const place = await followInDocument(context, own.record, context.notes.path);
    const holders = own.record.holders.filter((holder) => holder.machine !== context.notes.machine);
    const record = moved(context, own.record, holders.length === 0 ? 'available' : 'in-use', { holders, ...place });
    return {
      records: [put(own, record)],
      events: [
        {
          type: 'volume.detached',
          subject: `volume:${record.name}`,
          data: { machine: noted(context.notes.machine), machineName: noted(context.notes.holder).machineName },
        },
        ...(place.place === undefined
          ? []
          : [
              {
                type: 'volume.moved' as const,
                subject: `volume:${record.name}`,
                data: { path: noted(context.notes.path) },
              },
            ]),
      ],
    };
  },
};

export const volumeDetach: AnyKind = defineKind<Payload, Notes>({
  kind: 'volume.detach',
  summary: 'Detaches a volume from a virtual machine, running or not. Its data stays.',
  role: 'operator',
  lane: 'default',
  payload: z.strictObject({
    volume: volumeNameSchema,
    machine: machineSchema.optional().describe('Needed only when several machines read the volume.'),
  }),
  result: z.object({ volume: z.string(), detached: z.boolean().describe('false: it was not attached') }),
  resources: (payload) => [
    volumeLine(payload.volume),
    ...(payload.machine === undefined ? [] : [machineLine(payload.machine)]),
  ],
  joins: true,
  retry: { maxAttempts: 8, baseMs: 300, capMs: 15_000 },
  deadlineMs: 15 * 60 * 1_000,
  steps: [release, unmount, device, settle],
  finish: (context) => ({ volume: context.payload.volume, detached: true }),
  async abandon(context, error) {
    const found = await context.records.read('volume', context.payload.volume);
    if (found === undefined || found.record.job !== context.jobId || found.record.state !== 'detaching') return {};
    return {
      records: [put(found, { ...found.record, state: 'in-use', updatedAt: context.now() })],
      events: [
        {
          type: 'volume.failed',
          subject: `volume:${found.record.name}`,
          data: { code: error.code, message: error.message },
        },
      ],
    };
  },
});
