import type { NewEvent } from '../../core/events.ts';
import type { Moref } from '../../core/ids.ts';
import type { Machine, MachineDisk } from '../../core/ports/machines.ts';
import type { RecordChange } from '../../core/record.ts';
import type { VolumeHolder } from '../../core/volume.ts';
import type { StepContext } from '../define.ts';
import { diskIn } from '../volume/machine-of.ts';
import { refuseSharing } from '../volume/sharing.ts';
import { followTo, moved, nameHolders, put } from '../volume/volume-of.ts';
import { endLeases, type Mounted, type Writes } from './leases.ts';

// After something else than a job had planned: who has the volumes is what the machine says.

type AnyContext = StepContext<unknown, unknown>;

export interface LeasesSeen extends Writes {
  /** Volumes that the machine has and that another holds already. */
  readonly refused: readonly string[];
}

const ATTACHABLE = ['available', 'attaching', 'in-use', 'detaching'];

/**
 * Volumes that the machine has are its own, those that it has not are let go.
 *
 * @param machine undefined: there is none
 * @param before other references under which it was known
 */
export async function leasesAsSeen(
  context: AnyContext,
  machine: Machine | undefined,
  seen: { readonly mounted: readonly Mounted[]; readonly before: readonly Moref[]; readonly isOutOfBand?: boolean },
): Promise<LeasesSeen> {
  const refs = [...seen.before, ...(machine === undefined ? [] : [machine.ref])];
  const data = seen.isOutOfBand === true ? { outOfBand: true } : {};
  const absent = seen.mounted.filter(
    ({ found }) => machine === undefined || diskIn(machine, found.record) === undefined,
  );
  const ended = await endLeases(context, refs, { mounted: absent, paths: {}, data });
  const records: RecordChange[] = [...ended.records];
  const events: NewEvent[] = [...ended.events];
  const refused: string[] = [];
  for (const each of seen.mounted) {
    const disk = machine === undefined ? undefined : diskIn(machine, each.found.record);
    if (machine === undefined || disk === undefined) continue;
    const others = each.found.record.holders.filter((holder) => !refs.includes(holder.machine));
    if (isRefused(each, others, disk)) refused.push(`${each.found.record.name} that ${nameHolders(others)} holds`);
    else {
      const writes = heldBy(context, machine, { mounted: each, others, disk });
      records.push(...writes.records);
      events.push(...writes.events.map((event) => ({ ...event, data: { ...event.data, ...data } })));
    }
  }
  return { records, events, refused };
}

const accessIn = (disk: MachineDisk) => (disk.mode === 'independent_nonpersistent' ? 'read-only' : 'read-write');

function isRefused({ found }: Mounted, others: readonly VolumeHolder[], disk: MachineDisk): boolean {
  try {
    refuseSharing(found.record, others, accessIn(disk));
    return false;
  } catch {
    return true;
  }
}

function heldBy(
  context: AnyContext,
  machine: Machine,
  seen: { readonly mounted: Mounted; readonly others: readonly VolumeHolder[]; readonly disk: MachineDisk },
): Writes {
  const { found } = seen.mounted;
  const { record } = found;
  const { disk } = seen;
  if (!ATTACHABLE.includes(record.state)) return { records: [], events: [] };
  const before = record.holders.find((holder) => holder.machine === machine.ref);
  const holder: VolumeHolder = {
    machine: machine.ref,
    machineName: machine.name,
    access: accessIn(disk),
    controllerKey: disk.controllerKey,
    unit: disk.unit,
    diskKey: disk.key,
  };
  const { events, ...place } = followTo(record, disk.path);
  const isSame =
    record.state === 'in-use' &&
    before?.diskKey === holder.diskKey &&
    before?.machineName === holder.machineName &&
    record.holders.length === seen.others.length + 1;
  if (isSame && place.place === undefined) return { records: [], events: [] };
  const attached: NewEvent = {
    type: 'volume.attached',
    subject: `volume:${record.name}`,
    data: { machine: machine.ref, machineName: machine.name, access: holder.access, unit: disk.unit },
  };
  const via = record.state === 'available' ? moved(context, record, 'attaching') : record;
  return {
    records: [put(found, moved(context, via, 'in-use', { holders: [...seen.others, holder], ...place }))],
    events: [...events, ...(before?.diskKey === undefined ? [attached] : [])],
  };
}
