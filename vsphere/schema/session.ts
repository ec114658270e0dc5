import type { ObjectType, Operation } from './define.ts';

// The service itself and the session. Source: vSphere Web Services API reference, ServiceInstance and SessionManager.

export const sessionTypes = {
  ServiceContent: {
    fields: {
      rootFolder: 'ManagedObjectReference',
      propertyCollector: 'ManagedObjectReference',
      viewManager: 'ManagedObjectReference?',
      about: 'AboutInfo',
      sessionManager: 'ManagedObjectReference?',
      authorizationManager: 'ManagedObjectReference?',
      taskManager: 'ManagedObjectReference?',
      eventManager: 'ManagedObjectReference?',
      searchIndex: 'ManagedObjectReference?',
      fileManager: 'ManagedObjectReference?',
      virtualDiskManager: 'ManagedObjectReference?',
      storageResourceManager: 'ManagedObjectReference?',
    },
  },
  AboutInfo: {
    fields: {
      name: 'string',
      fullName: 'string',
      version: 'string',
      build: 'string',
      apiType: 'string',
      apiVersion: 'string',
      instanceUuid: 'string?',
    },
  },
  UserSession: {
    fields: {
      key: 'string',
      userName: 'string',
      loginTime: 'dateTime',
    },
  },
} as const satisfies Readonly<Record<string, ObjectType>>;

export const sessionOperations = {
  RetrieveServiceContent: { on: 'ServiceInstance', params: {}, result: 'ServiceContent' },
  CurrentTime: { on: 'ServiceInstance', params: {}, result: 'dateTime' },
  Login: {
    on: 'SessionManager',
    params: { userName: 'string', password: 'string', locale: 'string?' },
    result: 'UserSession',
    faults: ['InvalidLogin', 'InvalidLocale'],
  },
  Logout: { on: 'SessionManager', params: {} },
} as const satisfies Readonly<Record<string, Operation>>;
