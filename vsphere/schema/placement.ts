import type { EnumType, ObjectType, Operation } from './define.ts';

// The inventory, and where Storage DRS would put a disk. Source: StorageResourceManager, HostSystem, Datastore.

export const placementTypes = {
  StoragePlacementSpec: {
    fields: {
      type: 'string',
      podSelectionSpec: 'StorageDrsPodSelectionSpec',
      configSpec: 'VirtualMachineConfigSpec?',
      resourcePool: 'ManagedObjectReference?',
      host: 'ManagedObjectReference?',
      folder: 'ManagedObjectReference?',
    },
  },
  StorageDrsPodSelectionSpec: {
    fields: { initialVmConfig: 'VmPodConfigForPlacement[]', storagePod: 'ManagedObjectReference?' },
  },
  VmPodConfigForPlacement: { fields: { storagePod: 'ManagedObjectReference', disk: 'PodDiskLocator[]' } },
  PodDiskLocator: {
    fields: { diskId: 'int', diskMoveType: 'string?', diskBackingInfo: 'VirtualDeviceBackingInfo?' },
  },
  StoragePlacementResult: {
    fields: { recommendations: 'ClusterRecommendation[]', drsFault: 'ClusterDrsFaults?' },
  },
  ClusterRecommendation: { fields: { key: 'string', rating: 'int', action: 'ClusterAction[]' } },
  ClusterAction: { fields: { type: 'string', target: 'ManagedObjectReference?' } },
  StoragePlacementAction: { base: 'ClusterAction', fields: { destination: 'ManagedObjectReference' } },
  PlacementSpec: {
    fields: {
      configSpec: 'VirtualMachineConfigSpec?',
      placementType: 'string?',
    },
  },
  PlacementResult: { fields: { recommendations: 'ClusterRecommendation[]', drsFault: 'ClusterDrsFaults?' } },
  PlacementAction: {
    base: 'ClusterAction',
    fields: { vm: 'ManagedObjectReference?', targetHost: 'ManagedObjectReference?' },
  },
  ComputeResourceConfigInfo: { fields: {} },
  ClusterConfigInfoEx: {
    base: 'ComputeResourceConfigInfo',
    fields: { dasConfig: 'ClusterDasConfigInfo', drsConfig: 'ClusterDrsConfigInfo' },
  },
  ClusterDasConfigInfo: { fields: { enabled: 'boolean?' } },
  ClusterDrsConfigInfo: { fields: { enabled: 'boolean?' } },
  ResourceConfigSpec: {
    fields: { cpuAllocation: 'ResourceAllocationInfo', memoryAllocation: 'ResourceAllocationInfo' },
  },
  DatastoreHostMount: { fields: { key: 'ManagedObjectReference', mountInfo: 'HostMountInfo' } },
  HostMountInfo: { fields: { accessMode: 'string', mounted: 'boolean?', accessible: 'boolean?' } },
  ClusterDrsFaults: { fields: { reason: 'string' } },
} as const satisfies Readonly<Record<string, ObjectType>>;

export const placementEnums = {
  HostSystemConnectionState: { values: ['connected', 'notResponding', 'disconnected'] },
  HostSystemPowerState: { values: ['poweredOn', 'poweredOff', 'standBy', 'unknown'] },
} as const satisfies Readonly<Record<string, EnumType>>;

export const placementOperations = {
  RecommendDatastores: {
    on: 'StorageResourceManager',
    params: { storageSpec: 'StoragePlacementSpec' },
    result: 'StoragePlacementResult',
  },
  PlaceVm: {
    on: 'ClusterComputeResource',
    params: { placementSpec: 'PlacementSpec' },
    result: 'PlacementResult',
    faults: ['InvalidState', 'RuntimeFault'],
  },
  EnterMaintenanceMode_Task: {
    on: 'HostSystem',
    params: { timeout: 'int', evacuatePoweredOffVms: 'boolean?' },
    result: 'ManagedObjectReference',
    changes: true,
    faults: ['InvalidState', 'Timedout', 'RequestCanceled'],
  },
  ExitMaintenanceMode_Task: {
    on: 'HostSystem',
    params: { timeout: 'int' },
    result: 'ManagedObjectReference',
    changes: true,
    faults: ['InvalidState', 'Timedout'],
  },
  CreateFolder: {
    on: 'Folder',
    params: { name: 'string' },
    result: 'ManagedObjectReference',
    changes: true,
    faults: ['DuplicateName', 'InvalidName'],
  },
  CreateResourcePool: {
    on: 'ResourcePool',
    params: { name: 'string', spec: 'ResourceConfigSpec' },
    result: 'ManagedObjectReference',
    changes: true,
    faults: ['DuplicateName', 'InvalidName', 'InsufficientResourcesFault'],
  },
  FindChild: {
    on: 'SearchIndex',
    params: { entity: 'ManagedObjectReference', name: 'string' },
    result: 'ManagedObjectReference?',
  },
} as const satisfies Readonly<Record<string, Operation>>;

export const placementProperties = {
  ManagedEntity: { name: 'string', parent: 'ManagedObjectReference' },
  Datacenter: {
    name: 'string',
    parent: 'ManagedObjectReference',
    vmFolder: 'ManagedObjectReference',
    datastore: 'ManagedObjectReference[]',
    network: 'ManagedObjectReference[]',
  },
  Folder: { name: 'string', parent: 'ManagedObjectReference' },
  HostSystem: {
    name: 'string',
    parent: 'ManagedObjectReference',
    'runtime.connectionState': 'HostSystemConnectionState',
    'runtime.inMaintenanceMode': 'boolean',
    'runtime.powerState': 'HostSystemPowerState',
    'summary.hardware.cpuMhz': 'int',
    'summary.hardware.numCpuCores': 'short',
    'summary.hardware.memorySize': 'long',
    'summary.quickStats.overallMemoryUsage': 'int',
  },
  Datastore: {
    name: 'string',
    parent: 'ManagedObjectReference',
    summary: 'DatastoreSummary',
    info: 'DatastoreInfo',
    browser: 'ManagedObjectReference',
    host: 'DatastoreHostMount[]',
  },
  StoragePod: { name: 'string', childEntity: 'ManagedObjectReference[]' },
  ComputeResource: {
    name: 'string',
    resourcePool: 'ManagedObjectReference',
    host: 'ManagedObjectReference[]',
    configurationEx: 'ComputeResourceConfigInfo',
  },
  Network: { name: 'string' },
  DistributedVirtualPortgroup: { key: 'string', 'config.distributedVirtualSwitch': 'ManagedObjectReference' },
  DistributedVirtualSwitch: { uuid: 'string' },
} as const;
