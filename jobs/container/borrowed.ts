import type { Machine } from '../../core/ports/machines.ts';
import { noted } from '../noted.ts';
import { readAll } from '../read-all.ts';
import { diskIn } from '../volume/machine-of.ts';
import type { OwnContainer } from './container-of.ts';
import { scratchOf } from './machine.ts';
import type { RecoverContext } from './recovery.ts';

/**
 * Volumes that somebody attached to the machine beside those of the container: their records name the machine by its new moref, too. This job
 * does not stand in their lines; of one at which a job is, that job or the next reconcile finds the machine.
 */
export async function renameBorrowed(
  context: RecoverContext,
  machine: Machine,
  { record }: OwnContainer,
): Promise<void> {
  const before = noted(context.notes.refs).filter((ref) => ref !== machine.ref);
  const own = new Set(record.spec.mounts.map(({ volume }) => volume));
  const scratch = scratchOf(machine);
  const others = machine.disks.filter(({ key, mode }) => key !== scratch?.key && mode !== 'independent_nonpersistent');
  if (before.length === 0 || others.length <= own.size) return;
  for (const { record: volume, rev } of await readAll(context, 'volume')) {
    const isHeld = volume.holders.some((holder) => before.includes(holder.machine));
    if (own.has(volume.name) || !isHeld || diskIn(machine, volume) === undefined) continue;
    const holders = volume.holders.map((holder) =>
      before.includes(holder.machine) ? { ...holder, machine: machine.ref, machineName: machine.name } : holder,
    );
    const next = { ...volume, holders, updatedAt: context.now() };
    await context.records.observe([{ op: 'put', record: next, expectedRev: rev }], []);
  }
}
