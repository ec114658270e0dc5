import { StowageError } from '../../core/errors.ts';
import type { DiskSlot, Machine, ScsiController } from '../../core/ports/data-centre.ts';

/** vSphere's configuration maximums: four SCSI controllers, fifteen disks on each; unit 7 is the controller itself. */
const MAX_CONTROLLERS = 4;
const UNITS = [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15] as const;

/**
 * The first free place for a disk: on a paravirtual controller, then on any other SCSI controller, then on a new one.
 * @throws StowageError `machine-full`
 */
export function chooseSlot(machine: Pick<Machine, 'name' | 'controllers'>): DiskSlot {
  const isParavirtual = (type: string): boolean => type === 'ParaVirtualSCSIController';
  const controllers = machine.controllers.toSorted(
    (a, b) => Number(isParavirtual(b.type)) - Number(isParavirtual(a.type)) || a.bus - b.bus,
  );
  for (const controller of controllers) {
    const unit = UNITS.find((each) => !controller.takenUnits.includes(each));
    if (unit !== undefined) return { controller: 'existing', controllerKey: controller.key, unit };
  }
  const bus = [0, 1, 2, 3].find((each) => controllers.every((controller) => controller.bus !== each));
  if (bus === undefined || controllers.length >= MAX_CONTROLLERS) {
    throw new StowageError(
      'machine-full',
      `machine ${machine.name} has no free slot for a disk: all ${UNITS.length} units of its ${controllers.length} SCSI controllers are taken`,
    );
  }
  return { controller: 'new', bus, unit: UNITS[0] };
}

/** Places for several disks, which one reconfigure takes. @throws StowageError `machine-full` when there are not enough */
export function chooseSlots(machine: Pick<Machine, 'name' | 'controllers'>, count: number): readonly DiskSlot[] {
  let controllers = machine.controllers;
  return Array.from({ length: count }, () => {
    const slot = placeOn(chooseSlot({ name: machine.name, controllers }), controllers);
    controllers = slot.controllers;
    return slot.slot;
  });
}

/** Keys of controllers that are only planned; vSphere's are positive. */
const plannedKey = (bus: number): number => -1 - bus;

function placeOn(
  chosen: DiskSlot,
  controllers: readonly ScsiController[],
): { readonly slot: DiskSlot; readonly controllers: readonly ScsiController[] } {
  if (chosen.controller === 'new') {
    const planned = {
      key: plannedKey(chosen.bus),
      bus: chosen.bus,
      type: 'ParaVirtualSCSIController',
      takenUnits: [chosen.unit],
    };
    return { slot: chosen, controllers: [...controllers, planned] };
  }
  const { controllerKey, unit } = chosen;
  const taken = controllers.map((each) =>
    each.key === controllerKey ? { ...each, takenUnits: [...each.takenUnits, unit] } : each,
  );
  const bus = controllers.find((each) => each.key === controllerKey)?.bus ?? 0;
  // On a controller that only this reconfigure brings.
  return { slot: controllerKey < 0 ? { controller: 'new', bus, unit } : chosen, controllers: taken };
}
