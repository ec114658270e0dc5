import type { EnumType, ObjectType, Operation } from './define.ts';

// vCenter's event log. Source: EventManager, EventHistoryCollector, Event and its heirs. Heirs that are not here keep their name and what
// Event has.

export const eventTypes = {
  EventFilterSpec: {
    fields: {
      entity: 'EventFilterSpecByEntity?',
      time: 'EventFilterSpecByTime?',
      disableFullMessage: 'boolean?',
      eventTypeId: 'string[]',
    },
  },
  EventFilterSpecByEntity: {
    fields: { entity: 'ManagedObjectReference', recursion: 'EventFilterSpecRecursionOption' },
  },
  EventFilterSpecByTime: { fields: { beginTime: 'dateTime?', endTime: 'dateTime?' } },
  Event: {
    fields: {
      key: 'int',
      chainId: 'int',
      createdTime: 'dateTime',
      userName: 'string',
      host: 'HostEventArgument?',
      vm: 'VmEventArgument?',
      fullFormattedMessage: 'string?',
    },
  },
  HostEventArgument: { fields: { name: 'string', host: 'ManagedObjectReference' } },
  VmEventArgument: { fields: { name: 'string', vm: 'ManagedObjectReference' } },
  VmMigratedEvent: { base: 'Event', fields: { sourceHost: 'HostEventArgument' } },
  DrsVmMigratedEvent: { base: 'VmMigratedEvent', fields: {} },
  VmRelocatedEvent: { base: 'Event', fields: { sourceHost: 'HostEventArgument' } },
  VmRestartedOnAlternateHostEvent: { base: 'Event', fields: { sourceHost: 'HostEventArgument' } },
  VmFailoverFailed: { base: 'Event', fields: { reason: 'LocalizedMethodFault?' } },
  VmFailedToPowerOnEvent: { base: 'Event', fields: { reason: 'LocalizedMethodFault' } },
  EventEx: { base: 'Event', fields: { eventTypeId: 'string' } },
} as const satisfies Readonly<Record<string, ObjectType>>;

export const eventEnums = {
  EventFilterSpecRecursionOption: { values: ['self', 'children', 'all'] },
} as const satisfies Readonly<Record<string, EnumType>>;

export const eventOperations = {
  CreateCollectorForEvents: {
    on: 'EventManager',
    params: { filter: 'EventFilterSpec' },
    result: 'ManagedObjectReference',
    faults: ['InvalidState'],
  },
  ReadNextEvents: { on: 'EventHistoryCollector', params: { maxCount: 'int' }, result: 'Event[]' },
  DestroyCollector: { on: 'HistoryCollector', params: {} },
} as const satisfies Readonly<Record<string, Operation>>;
