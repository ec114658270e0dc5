import { parseDatastorePath, parseDiskUuid } from '../core/ids.ts';
import type { DiskSlot, MachineDisk, ScsiController } from '../core/ports/data-centre.ts';
import type { Vim } from './schema/vim.ts';

export type Device = NonNullable<Vim<'VirtualMachineConfigSpec'>['deviceChange']>[number]['device'];
type Disk = Extract<Device, { readonly xsiType: 'VirtualDisk' }>;
type Controller = Extract<Device, { readonly sharedBus: unknown }>;
type DeviceChange = Vim<'VirtualDeviceConfigSpec'>;

/** The unit that a SCSI controller itself takes on its bus. */
const CONTROLLER_UNIT = 7;
/** Keys of devices that are being added are negative, so that they meet no key of vSphere's. */
const NEW_CONTROLLER_KEY = -1;
const NEW_DISK_KEY = -2;

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

/** Adds an existing disk, and its controller where the slot wants a new one, in one specification. */
export function attachChanges(path: string, slot: DiskSlot, mode: string): readonly DeviceChange[] {
  const controllerKey = slot.controller === 'existing' ? slot.controllerKey : NEW_CONTROLLER_KEY;
  const disk: DeviceChange = {
    operation: 'add',
    device: {
      xsiType: 'VirtualDisk',
      key: NEW_DISK_KEY,
      backing: { xsiType: 'VirtualDiskFlatVer2BackingInfo', fileName: path, diskMode: mode },
      controllerKey,
      unitNumber: slot.unit,
      // Required by the schema; of an existing disk vSphere reads it from its descriptor.
      capacityInKB: 0,
    },
  };
  if (slot.controller === 'existing') return [disk];
  const controller: DeviceChange = {
    operation: 'add',
    device: {
      xsiType: 'ParaVirtualSCSIController',
      key: NEW_CONTROLLER_KEY,
      busNumber: slot.bus,
      sharedBus: 'noSharing',
      scsiCtlrUnitNumber: CONTROLLER_UNIT,
    },
  };
  return [controller, disk];
}

/** Without a fileOperation: the file stays. */
export function detachChanges(diskKey: number): readonly DeviceChange[] {
  return [{ operation: 'remove', device: { xsiType: 'VirtualDisk', key: diskKey, capacityInKB: 0 } }];
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
