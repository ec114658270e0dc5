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
} as const satisfies Readonly<Record<string, Operation>>;

export const placementProperties = {
  ManagedEntity: { name: 'string', parent: 'ManagedObjectReference' },
  Datacenter: {
    name: 'string',
    parent: 'ManagedObjectReference',
    vmFolder: 'ManagedObjectReference',
    datastore: 'ManagedObjectReference[]',
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
  },
  Datastore: {
    name: 'string',
    parent: 'ManagedObjectReference',
    summary: 'DatastoreSummary',
    browser: 'ManagedObjectReference',
  },
  StoragePod: { name: 'string', childEntity: 'ManagedObjectReference[]' },
  ComputeResource: { name: 'string', resourcePool: 'ManagedObjectReference' },
} as const;
