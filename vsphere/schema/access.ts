import type { ObjectType, Operation } from './define.ts';

// What a session may do. Source: vSphere Web Services API reference, AuthorizationManager.

export const accessTypes = {
  EntityPrivilege: {
    fields: { entity: 'ManagedObjectReference', privAvailability: 'PrivilegeAvailability[]' },
  },
  PrivilegeAvailability: {
    fields: { privId: 'string', isGranted: 'boolean' },
  },
} as const satisfies Readonly<Record<string, ObjectType>>;

export const accessOperations = {
  HasPrivilegeOnEntities: {
    on: 'AuthorizationManager',
    params: { entity: 'ManagedObjectReference[]', sessionId: 'string', privId: 'string[]' },
    result: 'EntityPrivilege[]',
    faults: ['ManagedObjectNotFound'],
  },
} as const satisfies Readonly<Record<string, Operation>>;
