import type { EnumType, ObjectType, Operation } from './define.ts';

// Virtual machines and their devices. Source: VirtualMachine, VirtualMachineConfigSpec, VirtualDevice and its heirs.

export const machineTypes = {
  VirtualMachineConfigSpec: {
    fields: {
      changeVersion: 'string?',
      name: 'string?',
      files: 'VirtualMachineFileInfo?',
      deviceChange: 'VirtualDeviceConfigSpec[]',
    },
  },
  VirtualMachineFileInfo: { fields: { vmPathName: 'string?' } },
  VirtualDeviceConfigSpec: {
    fields: {
      operation: 'VirtualDeviceConfigSpecOperation?',
      fileOperation: 'VirtualDeviceConfigSpecFileOperation?',
      device: 'VirtualDevice',
    },
  },
  VirtualDevice: {
    fields: {
      key: 'int',
      backing: 'VirtualDeviceBackingInfo?',
      controllerKey: 'int?',
      unitNumber: 'int?',
    },
  },
  VirtualDisk: { base: 'VirtualDevice', fields: { capacityInKB: 'long', capacityInBytes: 'long?' } },
  VirtualController: { base: 'VirtualDevice', fields: { busNumber: 'int', device: 'int[]' } },
  VirtualSCSIController: {
    base: 'VirtualController',
    fields: { hotAddRemove: 'boolean?', sharedBus: 'VirtualSCSISharing', scsiCtlrUnitNumber: 'int?' },
  },
  ParaVirtualSCSIController: { base: 'VirtualSCSIController', fields: {} },
  VirtualLsiLogicController: { base: 'VirtualSCSIController', fields: {} },
  VirtualLsiLogicSASController: { base: 'VirtualSCSIController', fields: {} },
  VirtualBusLogicController: { base: 'VirtualSCSIController', fields: {} },
  VirtualDeviceBackingInfo: { fields: {} },
  VirtualDeviceFileBackingInfo: {
    base: 'VirtualDeviceBackingInfo',
    fields: { fileName: 'string', datastore: 'ManagedObjectReference?', backingObjectId: 'string?' },
  },
  VirtualDiskFlatVer2BackingInfo: {
    base: 'VirtualDeviceFileBackingInfo',
    fields: {
      diskMode: 'string',
      split: 'boolean?',
      writeThrough: 'boolean?',
      thinProvisioned: 'boolean?',
      eagerlyScrub: 'boolean?',
      uuid: 'string?',
      contentId: 'string?',
      changeId: 'string?',
      parent: 'VirtualDiskFlatVer2BackingInfo?',
    },
  },
  VirtualDiskSeSparseBackingInfo: {
    base: 'VirtualDeviceFileBackingInfo',
    fields: {
      diskMode: 'string',
      writeThrough: 'boolean?',
      uuid: 'string?',
      contentId: 'string?',
      changeId: 'string?',
      parent: 'VirtualDiskSeSparseBackingInfo?',
    },
  },
} as const satisfies Readonly<Record<string, ObjectType>>;

export const machineEnums = {
  VirtualDeviceConfigSpecOperation: { values: ['add', 'remove', 'edit'] },
  VirtualDeviceConfigSpecFileOperation: { values: ['create', 'destroy', 'replace'] },
  VirtualSCSISharing: { values: ['noSharing', 'virtualSharing', 'physicalSharing'] },
  VirtualMachinePowerState: { values: ['poweredOff', 'poweredOn', 'suspended'] },
  VirtualMachineConnectionState: {
    values: ['connected', 'disconnected', 'orphaned', 'inaccessible', 'invalid'],
  },
} as const satisfies Readonly<Record<string, EnumType>>;

export const machineOperations = {
  ReconfigVM_Task: {
    on: 'VirtualMachine',
    params: { spec: 'VirtualMachineConfigSpec' },
    result: 'ManagedObjectReference',
    changes: true,
    faults: ['TaskInProgress', 'VmConfigFault', 'ConcurrentAccess', 'FileFault', 'InvalidName', 'InvalidState'],
  },
  PowerOnVM_Task: {
    on: 'VirtualMachine',
    params: { host: 'ManagedObjectReference?' },
    result: 'ManagedObjectReference',
    changes: true,
    faults: ['TaskInProgress', 'VmConfigFault', 'FileFault', 'InvalidState', 'InsufficientResourcesFault'],
  },
  PowerOffVM_Task: {
    on: 'VirtualMachine',
    params: {},
    result: 'ManagedObjectReference',
    changes: true,
    faults: ['TaskInProgress', 'InvalidState'],
  },
} as const satisfies Readonly<Record<string, Operation>>;

export const machineProperties = {
  VirtualMachine: {
    name: 'string',
    'config.changeVersion': 'string',
    'config.hardware.device': 'VirtualDevice[]',
    'runtime.powerState': 'VirtualMachinePowerState',
    'runtime.connectionState': 'VirtualMachineConnectionState',
    'runtime.host': 'ManagedObjectReference',
  },
} as const;
