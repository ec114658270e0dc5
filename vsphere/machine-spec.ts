import { StowageError } from '../core/errors.ts';
import { parentPath } from '../core/ids.ts';
import type { MachineSpec } from '../core/ports/machines.ts';
import { type DeviceChange, existingDisk, newController, newControllerKey, newDiskKey } from './devices.ts';
import { toKib } from './disks.ts';
import type { Vim } from './schema/vim.ts';

// What CreateVM_Task is told of a container's machine.

const DEFAULT_GUEST = 'otherLinux64Guest';
/** The unit that a SCSI controller itself takes. */
const OWN_UNIT = 7;
/** Places of every SCSI controller: 15. */
const UNITS = unitsTo(15);
/** Of a PVSCSI controller with virtual hardware 14 (vSphere 6.7) and later: 64. Source: configuration maximums. */
const WIDE_UNITS = unitsTo(64);
const MAX_CONTROLLERS = 4;
/** Docker's limit of layers, and the scratch disk. */
const MAX_DISKS = 128;
const NIC_KEY = -201;
const SERIAL_KEY = -301;
const CDROM_KEY = -401;
/** The first of the two IDE controllers that every machine has. */
const IDE_CONTROLLER_KEY = 200;

export type NicBacking = NonNullable<Extract<DeviceChange['device'], { xsiType: 'VirtualVmxnet3' }>['backing']>;
type ConfigSpec = Vim<'VirtualMachineConfigSpec'>;

interface Place {
  readonly key: number;
  readonly controllerKey: number;
  readonly unit: number;
}

function unitsTo(last: number): readonly number[] {
  return Array.from({ length: last + 1 }, (_, unit) => unit).filter((unit) => unit !== OWN_UNIT);
}

/** As many on a controller as any of them takes; more only when there are not enough controllers. */
function unitsFor(count: number): readonly number[] {
  return count > MAX_CONTROLLERS * UNITS.length ? WIDE_UNITS : UNITS;
}

function placeOf(n: number, units: readonly number[]): Place {
  const controllerKey = newControllerKey(Math.floor(n / units.length));
  return { key: newDiskKey(n), controllerKey, unit: units[n % units.length] ?? 0 };
}

function scratchDisk({ path, capacityBytes }: MachineSpec['scratch'], at: Place): DeviceChange {
  const capacityInKB = toKib(capacityBytes);
  return {
    operation: 'add',
    fileOperation: 'create',
    device: {
      xsiType: 'VirtualDisk',
      key: at.key,
      backing: {
        xsiType: 'VirtualDiskFlatVer2BackingInfo',
        fileName: path,
        diskMode: 'independent_persistent',
        thinProvisioned: true,
      },
      controllerKey: at.controllerKey,
      unitNumber: at.unit,
      capacityInKB,
      capacityInBytes: capacityInKB * 1_024,
    },
  };
}

/** @throws StowageError `machine-full` */
function diskChanges({ name, layers, scratch }: MachineSpec): readonly DeviceChange[] {
  const count = layers.length + 1;
  if (count > MAX_DISKS)
    throw new StowageError('machine-full', `${name} would have ${layers.length} layers; ${MAX_DISKS - 1} are the most`);
  const units = unitsFor(count);
  const controllers = Math.ceil(count / units.length);
  return [
    ...Array.from({ length: controllers }, (_, bus) => newController(newControllerKey(bus), bus)),
    ...layers.map((path, n) => existingDisk(path, 'independent_nonpersistent', placeOf(n, units))),
    scratchDisk(scratch, placeOf(layers.length, units)),
  ];
}

function nic(backing: NicBacking): DeviceChange {
  return {
    operation: 'add',
    device: {
      xsiType: 'VirtualVmxnet3',
      key: NIC_KEY,
      backing,
      connectable: { startConnected: true, allowGuestControl: true, connected: true },
    },
  };
}

/** Its disks have no boot sector, so that the BIOS comes to the drive. */
function bootDrive(fileName: string): DeviceChange {
  return {
    operation: 'add',
    device: {
      xsiType: 'VirtualCdrom',
      key: CDROM_KEY,
      backing: { xsiType: 'VirtualCdromIsoBackingInfo', fileName },
      connectable: { startConnected: true, allowGuestControl: false, connected: true },
      controllerKey: IDE_CONTROLLER_KEY,
      unitNumber: 0,
    },
  };
}

/** Dials whenever nobody is connected; the guest itself decides when it has something to say. Source: VirtualSerialPortURIBackingInfo. */
function serialPort(serviceURI: string): DeviceChange {
  return {
    operation: 'add',
    device: {
      xsiType: 'VirtualSerialPort',
      key: SERIAL_KEY,
      backing: { xsiType: 'VirtualSerialPortURIBackingInfo', serviceURI, direction: 'client' },
      connectable: { startConnected: true, allowGuestControl: true, connected: true },
      yieldOnPoll: true,
    },
  };
}

export function cpuAllocation(limitMhz: number | 'unlimited'): NonNullable<ConfigSpec['cpuAllocation']> {
  return { limit: limitMhz === 'unlimited' ? -1 : limitMhz };
}

export function optionsOf(options: Readonly<Record<string, string>>): NonNullable<ConfigSpec['extraConfig']> {
  return Object.entries(options).map(([key, value]) => ({ key, value }));
}

/** @throws StowageError `machine-full` */
export function configSpec(spec: MachineSpec, backing: NicBacking | undefined): ConfigSpec {
  if (parentPath(spec.scratch.path) !== parentPath(spec.vmxPath)) {
    throw new StowageError('internal-error', `the scratch disk ${spec.scratch.path} is not in the machine's home`);
  }
  return {
    name: spec.name,
    uuid: spec.uuid,
    guestId: spec.guestId ?? DEFAULT_GUEST,
    files: { vmPathName: spec.vmxPath },
    numCPUs: spec.cpus,
    memoryMB: spec.memoryMib,
    deviceChange: [
      ...diskChanges(spec),
      ...(backing === undefined ? [] : [nic(backing)]),
      ...(spec.serial === undefined ? [] : [serialPort(spec.serial)]),
      ...(spec.bootImage === undefined ? [] : [bootDrive(spec.bootImage)]),
    ],
    ...(spec.cpuLimitMhz === undefined ? {} : { cpuAllocation: cpuAllocation(spec.cpuLimitMhz) }),
    // The guest finds disks by their uuids.
    extraConfig: optionsOf({ ...spec.extraConfig, 'disk.EnableUUID': 'TRUE' }),
    firmware: 'bios',
  };
}
