import type { EnumType, ObjectType, Operation } from './define.ts';

// Virtual machines and their devices. Source: VirtualMachine, VirtualMachineConfigSpec, VirtualDevice and its heirs.

export const machineTypes = {
  VirtualMachineConfigSpec: {
    fields: {
      changeVersion: 'string?',
      name: 'string?',
      uuid: 'string?',
      guestId: 'string?',
      files: 'VirtualMachineFileInfo?',
      numCPUs: 'int?',
      memoryMB: 'long?',
      deviceChange: 'VirtualDeviceConfigSpec[]',
      cpuAllocation: 'ResourceAllocationInfo?',
      extraConfig: 'OptionValue[]',
      firmware: 'string?',
    },
  },
  OptionValue: { fields: { key: 'string', value: 'anyType' } },
  ResourceAllocationInfo: {
    fields: { reservation: 'long?', expandableReservation: 'boolean?', limit: 'long?', shares: 'SharesInfo?' },
  },
  SharesInfo: { fields: { shares: 'int', level: 'SharesLevel' } },
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
      connectable: 'VirtualDeviceConnectInfo?',
      controllerKey: 'int?',
      unitNumber: 'int?',
    },
  },
  VirtualDeviceConnectInfo: {
    fields: { startConnected: 'boolean', allowGuestControl: 'boolean', connected: 'boolean' },
  },
  VirtualEthernetCard: { base: 'VirtualDevice', fields: { addressType: 'string?', macAddress: 'string?' } },
  VirtualVmxnet: { base: 'VirtualEthernetCard', fields: {} },
  VirtualVmxnet3: { base: 'VirtualVmxnet', fields: {} },
  VirtualCdrom: { base: 'VirtualDevice', fields: {} },
  VirtualCdromIsoBackingInfo: { base: 'VirtualDeviceFileBackingInfo', fields: {} },
  VirtualSerialPort: { base: 'VirtualDevice', fields: { yieldOnPoll: 'boolean' } },
  VirtualDeviceURIBackingInfo: {
    base: 'VirtualDeviceBackingInfo',
    fields: { serviceURI: 'string', direction: 'string', proxyURI: 'string?' },
  },
  VirtualSerialPortURIBackingInfo: { base: 'VirtualDeviceURIBackingInfo', fields: {} },
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
  VirtualDeviceDeviceBackingInfo: {
    base: 'VirtualDeviceBackingInfo',
    fields: { deviceName: 'string', useAutoDetect: 'boolean?' },
  },
  VirtualEthernetCardNetworkBackingInfo: {
    base: 'VirtualDeviceDeviceBackingInfo',
    fields: { network: 'ManagedObjectReference?' },
  },
  VirtualEthernetCardDistributedVirtualPortBackingInfo: {
    base: 'VirtualDeviceBackingInfo',
    fields: { port: 'DistributedVirtualSwitchPortConnection' },
  },
  DistributedVirtualSwitchPortConnection: { fields: { switchUuid: 'string', portgroupKey: 'string?' } },
  VirtualMachineRelocateSpec: { fields: { pool: 'ManagedObjectReference?', host: 'ManagedObjectReference?' } },
  ClusterPowerOnVmResult: {
    fields: { attempted: 'ClusterAttemptedVmInfo[]', notAttempted: 'ClusterNotAttemptedVmInfo[]' },
  },
  ClusterAttemptedVmInfo: { fields: { vm: 'ManagedObjectReference', task: 'ManagedObjectReference?' } },
  ClusterNotAttemptedVmInfo: { fields: { vm: 'ManagedObjectReference', fault: 'LocalizedMethodFault' } },
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
  SharesLevel: { values: ['low', 'normal', 'high', 'custom'] },
  VirtualMachinePowerState: { values: ['poweredOff', 'poweredOn', 'suspended'] },
  VirtualMachineMovePriority: { values: ['lowPriority', 'highPriority', 'defaultPriority'] },
  VirtualMachineConnectionState: {
    values: ['connected', 'disconnected', 'orphaned', 'inaccessible', 'invalid'],
  },
} as const satisfies Readonly<Record<string, EnumType>>;

export const machineOperations = {
  CreateVM_Task: {
    on: 'Folder',
    params: {
      config: 'VirtualMachineConfigSpec',
      pool: 'ManagedObjectReference',
      host: 'ManagedObjectReference?',
    },
    result: 'ManagedObjectReference',
    changes: true,
    faults: ['VmConfigFault', 'FileFault', 'DuplicateName', 'InsufficientResourcesFault', 'OutOfBounds', 'InvalidName'],
  },
  RegisterVM_Task: {
    on: 'Folder',
    params: {
      path: 'string',
      name: 'string?',
      asTemplate: 'boolean',
      pool: 'ManagedObjectReference?',
      host: 'ManagedObjectReference?',
    },
    result: 'ManagedObjectReference',
    changes: true,
    faults: ['AlreadyExists', 'DuplicateName', 'FileFault', 'InsufficientResourcesFault', 'NotFound', 'OutOfBounds'],
  },
  UnregisterVM: {
    on: 'VirtualMachine',
    params: {},
    changes: true,
    faults: ['InvalidPowerState', 'TaskInProgress'],
  },
  Destroy_Task: {
    on: 'ManagedEntity',
    params: {},
    result: 'ManagedObjectReference',
    changes: true,
    faults: ['VimFault'],
  },
  Rename_Task: {
    on: 'ManagedEntity',
    params: { newName: 'string' },
    result: 'ManagedObjectReference',
    changes: true,
    faults: ['DuplicateName', 'InvalidName'],
  },
  MoveIntoFolder_Task: {
    on: 'Folder',
    params: { list: 'ManagedObjectReference[]' },
    result: 'ManagedObjectReference',
    changes: true,
    faults: ['DuplicateName', 'InvalidFolder', 'InvalidState'],
  },
  RelocateVM_Task: {
    on: 'VirtualMachine',
    params: { spec: 'VirtualMachineRelocateSpec', priority: 'VirtualMachineMovePriority?' },
    result: 'ManagedObjectReference',
    changes: true,
    faults: ['Timedout', 'FileFault', 'InvalidState', 'InsufficientResourcesFault', 'VmConfigFault', 'MigrationFault'],
  },
  PowerOnMultiVM_Task: {
    on: 'Datacenter',
    params: { vm: 'ManagedObjectReference[]', option: 'OptionValue[]' },
    result: 'ManagedObjectReference',
    changes: true,
  },
  SuspendVM_Task: {
    on: 'VirtualMachine',
    params: {},
    result: 'ManagedObjectReference',
    changes: true,
    faults: ['TaskInProgress', 'InvalidState'],
  },
  ResetVM_Task: {
    on: 'VirtualMachine',
    params: {},
    result: 'ManagedObjectReference',
    changes: true,
    faults: ['TaskInProgress', 'InvalidState'],
  },
  FindAllByUuid: {
    on: 'SearchIndex',
    params: { datacenter: 'ManagedObjectReference?', uuid: 'string', vmSearch: 'boolean', instanceUuid: 'boolean?' },
    result: 'ManagedObjectReference[]',
  },
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
    'config.uuid': 'string',
    'config.files.vmPathName': 'string',
    'config.hardware.numCPU': 'int',
    'config.hardware.memoryMB': 'int',
    'config.extraConfig': 'OptionValue[]',
    'config.hardware.device': 'VirtualDevice[]',
    'runtime.powerState': 'VirtualMachinePowerState',
    'runtime.connectionState': 'VirtualMachineConnectionState',
    'runtime.host': 'ManagedObjectReference',
  },
} as const;
