import { parseDatastorePath, parseDiskUuid } from '../core/ids.ts';
import type { DiskSlot, MachineDisk, NewDisk, ScsiController } from '../core/ports/machines.ts';
import type { Vim } from './schema/vim.ts';

export type Device = NonNullable<Vim<'VirtualMachineConfigSpec'>['deviceChange']>[number]['device'];
type Disk = Extract<Device, { readonly xsiType: 'VirtualDisk' }>;
type Controller = Extract<Device, { readonly sharedBus: unknown }>;
export type DeviceChange = Vim<'VirtualDeviceConfigSpec'>;

/** The unit that a SCSI controller itself takes on its bus. */
const CONTROLLER_UNIT = 7;
/** Keys of devices that are being added are negative, so that they meet no key of vSphere's. */
export const newControllerKey = (n: number): number => -1 - n;
export const newDiskKey = (n: number): number => -101 - n;

const isDisk = (device: Device): device is Disk => device.xsiType === 'VirtualDisk';
const isScsiController = (device: Device): device is Controller => 'sharedBus' in device && 'busNumber' in device;

export function controllersOf(devices: readonly Device[]): readonly ScsiController[] {
  return devices.filter(isScsiController).map((controller) => {
    const own = controller.scsiCtlrUnitNumber ?? CONTROLLER_UNIT;
    const taken = devices
      .filter((device) => device.controllerKey === controller.key)
      .flatMap((device) => (device.unitNumber === undefined ? [] : [device.unitNumber]));
    const takenUnits = [...new Set([own, ...taken])].sort((a, b) => a - b);
    return { key: controller.key, bus: controller.busNumber, type: controller.xsiType, takenUnits };
  });
}

/** Disks whose backing is no file in our schema (raw device maps and the like) are none that Stowage can have made. */
export function disksOf(devices: readonly Device[]): readonly MachineDisk[] {
  return devices.filter(isDisk).flatMap((disk): readonly MachineDisk[] => {
    const { backing } = disk;
    if (backing === undefined || !('fileName' in backing)) return [];
    const path = parseDatastorePath(backing.fileName);
    if (path === undefined) return [];
    const uuid = 'uuid' in backing && backing.uuid !== undefined ? parseDiskUuid(backing.uuid) : undefined;
    return [
      {
        key: disk.key,
        controllerKey: disk.controllerKey ?? 0,
        unit: disk.unitNumber ?? 0,
        path,
        ...(uuid === undefined ? {} : { uuid }),
        capacityBytes: disk.capacityInBytes ?? disk.capacityInKB * 1_024,
        mode: 'diskMode' in backing ? backing.diskMode : '',
      },
    ];
  });
}

export function newController(key: number, bus: number): DeviceChange {
  return {
    operation: 'add',
    device: {
      xsiType: 'ParaVirtualSCSIController',
      key,
      busNumber: bus,
      sharedBus: 'noSharing',
      scsiCtlrUnitNumber: CONTROLLER_UNIT,
    },
  };
}

/** An existing disk: its capacity is required by the schema, and read by vSphere from its descriptor. */
export function existingDisk(
  path: string,
  mode: string,
  at: { readonly key: number; readonly controllerKey: number; readonly unit: number },
): DeviceChange {
  return {
    operation: 'add',
    device: {
      xsiType: 'VirtualDisk',
      key: at.key,
      backing: { xsiType: 'VirtualDiskFlatVer2BackingInfo', fileName: path, diskMode: mode },
      controllerKey: at.controllerKey,
      unitNumber: at.unit,
      capacityInKB: 0,
    },
  };
}

/** Adds existing disks, and the controllers that their slots want new, in one specification. */
export function attachChanges(disks: readonly NewDisk[]): readonly DeviceChange[] {
  const buses = [...new Set(disks.flatMap(({ slot }) => (slot.controller === 'new' ? [slot.bus] : [])))];
  const keyOf = (slot: DiskSlot): number =>
    slot.controller === 'existing' ? slot.controllerKey : newControllerKey(buses.indexOf(slot.bus));
  return [
    ...buses.map((bus, i) => newController(newControllerKey(i), bus)),
    ...disks.map(({ path, slot, mode }, i) =>
      existingDisk(path, mode, { key: newDiskKey(i), controllerKey: keyOf(slot), unit: slot.unit }),
    ),
  ];
}

/** Without a fileOperation: the files stay. */
export function detachChanges(diskKeys: readonly number[]): readonly DeviceChange[] {
  return diskKeys.map((key) => ({ operation: 'remove', device: { xsiType: 'VirtualDisk', key, capacityInKB: 0 } }));
}

/** Of whatever backing. */
export function diskKeysOf(devices: readonly Device[]): readonly number[] {
  return devices.filter(isDisk).map((disk) => disk.key);
}

/** undefined: the machine has no such disk, or one whose backing our schema cannot give back whole. */
export function extendChanges(
  devices: readonly Device[],
  diskKey: number,
  capacityBytes: number,
): readonly DeviceChange[] | undefined {
  const disk = devices.filter(isDisk).find((device) => device.key === diskKey);
  if (disk?.backing === undefined || !('diskMode' in disk.backing)) return undefined;
  const device: Disk = { ...disk, capacityInKB: capacityBytes / 1_024, capacityInBytes: capacityBytes };
  return [{ operation: 'edit', device }];
}
