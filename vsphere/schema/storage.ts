import type { ObjectType, Operation } from './define.ts';

// Virtual disks and files on datastores. Source: VirtualDiskManager, FileManager, HostDatastoreBrowser.

export const storageTypes = {
  VirtualDiskSpec: { fields: { diskType: 'string', adapterType: 'string' } },
  FileBackedVirtualDiskSpec: { base: 'VirtualDiskSpec', fields: { capacityKb: 'long' } },
  HostDatastoreBrowserSearchSpec: {
    fields: {
      query: 'FileQuery[]',
      details: 'FileQueryFlags?',
      searchCaseInsensitive: 'boolean?',
      matchPattern: 'string[]',
      sortFoldersFirst: 'boolean?',
    },
  },
  FileQueryFlags: {
    fields: { fileType: 'boolean', fileSize: 'boolean', modification: 'boolean', fileOwner: 'boolean' },
  },
  FileQuery: { fields: {} },
  FolderFileQuery: { base: 'FileQuery', fields: {} },
  VmDiskFileQuery: {
    base: 'FileQuery',
    fields: { filter: 'VmDiskFileQueryFilter?', details: 'VmDiskFileQueryFlags?' },
  },
  VmDiskFileQueryFilter: { fields: { diskType: 'string[]' } },
  VmDiskFileQueryFlags: {
    fields: {
      diskType: 'boolean',
      capacityKb: 'boolean',
      hardwareVersion: 'boolean',
      controllerType: 'boolean?',
      diskExtents: 'boolean?',
      thin: 'boolean?',
    },
  },
  HostDatastoreBrowserSearchResults: {
    fields: { datastore: 'ManagedObjectReference?', folderPath: 'string?', file: 'FileInfo[]' },
  },
  FileInfo: {
    fields: {
      path: 'string',
      friendlyName: 'string?',
      fileSize: 'long?',
      modification: 'dateTime?',
      owner: 'string?',
    },
  },
  FolderFileInfo: { base: 'FileInfo', fields: {} },
  VmDiskFileInfo: {
    base: 'FileInfo',
    fields: { diskType: 'string?', capacityKb: 'long?', hardwareVersion: 'int?', controllerType: 'string?' },
  },
  DatastoreInfo: { fields: { name: 'string', url: 'string' } },
  NasDatastoreInfo: { base: 'DatastoreInfo', fields: { nas: 'HostNasVolume?' } },
  HostFileSystemVolume: { fields: { type: 'string', name: 'string', capacity: 'long' } },
  HostNasVolume: { base: 'HostFileSystemVolume', fields: { remoteHost: 'string', remotePath: 'string' } },
  DatastoreSummary: {
    fields: {
      datastore: 'ManagedObjectReference?',
      name: 'string',
      url: 'string',
      capacity: 'long',
      freeSpace: 'long',
      uncommitted: 'long?',
      accessible: 'boolean',
      multipleHostAccess: 'boolean?',
      type: 'string',
      maintenanceMode: 'string?',
    },
  },
} as const satisfies Readonly<Record<string, ObjectType>>;

export const storageOperations = {
  CreateVirtualDisk_Task: {
    on: 'VirtualDiskManager',
    params: { name: 'string', datacenter: 'ManagedObjectReference?', spec: 'VirtualDiskSpec' },
    result: 'ManagedObjectReference',
    changes: true,
    faults: ['FileFault', 'InvalidDatastore'],
  },
  CopyVirtualDisk_Task: {
    on: 'VirtualDiskManager',
    params: {
      sourceName: 'string',
      sourceDatacenter: 'ManagedObjectReference?',
      destName: 'string',
      destDatacenter: 'ManagedObjectReference?',
      destSpec: 'VirtualDiskSpec?',
      force: 'boolean?',
    },
    result: 'ManagedObjectReference',
    changes: true,
    faults: ['FileFault', 'InvalidDatastore', 'InvalidDiskFormat'],
  },
  ExtendVirtualDisk_Task: {
    on: 'VirtualDiskManager',
    params: {
      name: 'string',
      datacenter: 'ManagedObjectReference?',
      newCapacityKb: 'long',
      eagerZero: 'boolean?',
    },
    result: 'ManagedObjectReference',
    changes: true,
    faults: ['FileFault', 'InvalidDatastore'],
  },
  DeleteVirtualDisk_Task: {
    on: 'VirtualDiskManager',
    params: { name: 'string', datacenter: 'ManagedObjectReference?' },
    result: 'ManagedObjectReference',
    changes: true,
    faults: ['FileFault', 'InvalidDatastore'],
  },
  QueryVirtualDiskUuid: {
    on: 'VirtualDiskManager',
    params: { name: 'string', datacenter: 'ManagedObjectReference?' },
    result: 'string',
    faults: ['FileFault', 'InvalidDatastore'],
  },
  MakeDirectory: {
    on: 'FileManager',
    params: { name: 'string', datacenter: 'ManagedObjectReference?', createParentDirectories: 'boolean?' },
    changes: true,
    faults: ['FileFault', 'InvalidDatastore', 'RuntimeFault'],
  },
  DeleteDatastoreFile_Task: {
    on: 'FileManager',
    params: { name: 'string', datacenter: 'ManagedObjectReference?' },
    result: 'ManagedObjectReference',
    changes: true,
    faults: ['FileFault', 'InvalidDatastore'],
  },
  CopyDatastoreFile_Task: {
    on: 'FileManager',
    params: {
      sourceName: 'string',
      sourceDatacenter: 'ManagedObjectReference?',
      destinationName: 'string',
      destinationDatacenter: 'ManagedObjectReference?',
      force: 'boolean?',
    },
    result: 'ManagedObjectReference',
    changes: true,
    faults: ['FileFault', 'InvalidDatastore'],
  },
  SearchDatastore_Task: {
    on: 'HostDatastoreBrowser',
    params: { datastorePath: 'string', searchSpec: 'HostDatastoreBrowserSearchSpec?' },
    result: 'ManagedObjectReference',
    faults: ['FileFault', 'InvalidDatastore'],
  },
} as const satisfies Readonly<Record<string, Operation>>;
