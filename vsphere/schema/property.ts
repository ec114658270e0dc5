import type { EnumType, ObjectType, Operation } from './define.ts';

// Reading properties and waiting for them to change. Source: PropertyCollector and ViewManager.

export const propertyTypes = {
  PropertyFilterSpec: {
    fields: { propSet: 'PropertySpec[]', objectSet: 'ObjectSpec[]', reportMissingObjectsInResults: 'boolean?' },
  },
  PropertySpec: { fields: { type: 'string', all: 'boolean?', pathSet: 'string[]' } },
  ObjectSpec: { fields: { obj: 'ManagedObjectReference', skip: 'boolean?', selectSet: 'SelectionSpec[]' } },
  SelectionSpec: { fields: { name: 'string?' } },
  TraversalSpec: {
    base: 'SelectionSpec',
    fields: { type: 'string', path: 'string', skip: 'boolean?', selectSet: 'SelectionSpec[]' },
  },
  RetrieveOptions: { fields: { maxObjects: 'int?' } },
  RetrieveResult: { fields: { token: 'string?', objects: 'ObjectContent[]' } },
  ObjectContent: {
    fields: { obj: 'ManagedObjectReference', propSet: 'DynamicProperty[]', missingSet: 'MissingProperty[]' },
  },
  DynamicProperty: { fields: { name: 'string', val: 'anyType' } },
  MissingProperty: { fields: { path: 'string', fault: 'LocalizedMethodFault' } },
  WaitOptions: { fields: { maxWaitSeconds: 'int?', maxObjectUpdates: 'int?' } },
  UpdateSet: { fields: { version: 'string', filterSet: 'PropertyFilterUpdate[]', truncated: 'boolean?' } },
  PropertyFilterUpdate: {
    fields: { filter: 'ManagedObjectReference', objectSet: 'ObjectUpdate[]', missingSet: 'MissingObject[]' },
  },
  ObjectUpdate: {
    fields: {
      kind: 'ObjectUpdateKind',
      obj: 'ManagedObjectReference',
      changeSet: 'PropertyChange[]',
      missingSet: 'MissingProperty[]',
    },
  },
  PropertyChange: { fields: { name: 'string', op: 'PropertyChangeOp', val: 'anyType?' } },
  MissingObject: { fields: { obj: 'ManagedObjectReference', fault: 'LocalizedMethodFault' } },
} as const satisfies Readonly<Record<string, ObjectType>>;

export const propertyEnums = {
  ObjectUpdateKind: { values: ['modify', 'enter', 'leave'] },
  PropertyChangeOp: { values: ['add', 'remove', 'assign', 'indirectRemove'] },
} as const satisfies Readonly<Record<string, EnumType>>;

export const propertyOperations = {
  CreatePropertyCollector: { on: 'PropertyCollector', params: {}, result: 'ManagedObjectReference' },
  DestroyPropertyCollector: { on: 'PropertyCollector', params: {} },
  CreateFilter: {
    on: 'PropertyCollector',
    params: { spec: 'PropertyFilterSpec', partialUpdates: 'boolean' },
    result: 'ManagedObjectReference',
    faults: ['InvalidProperty'],
  },
  DestroyPropertyFilter: { on: 'PropertyFilter', params: {} },
  RetrievePropertiesEx: {
    on: 'PropertyCollector',
    params: { specSet: 'PropertyFilterSpec[]', options: 'RetrieveOptions' },
    result: 'RetrieveResult?',
    faults: ['InvalidProperty'],
  },
  ContinueRetrievePropertiesEx: {
    on: 'PropertyCollector',
    params: { token: 'string' },
    result: 'RetrieveResult',
    faults: ['InvalidProperty'],
  },
  WaitForUpdatesEx: {
    on: 'PropertyCollector',
    params: { version: 'string?', options: 'WaitOptions?' },
    result: 'UpdateSet?',
    faults: ['InvalidCollectorVersion'],
  },
  CancelWaitForUpdates: { on: 'PropertyCollector', params: {} },
  CreateContainerView: {
    on: 'ViewManager',
    params: { container: 'ManagedObjectReference', type: 'string[]', recursive: 'boolean' },
    result: 'ManagedObjectReference',
  },
  CreateListView: {
    on: 'ViewManager',
    params: { obj: 'ManagedObjectReference[]' },
    result: 'ManagedObjectReference',
  },
  ModifyListView: {
    on: 'ListView',
    params: { add: 'ManagedObjectReference[]', remove: 'ManagedObjectReference[]' },
    result: 'ManagedObjectReference[]',
  },
  DestroyView: { on: 'View', params: {} },
} as const satisfies Readonly<Record<string, Operation>>;
