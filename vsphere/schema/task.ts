import type { EnumType, ObjectType, Operation } from './define.ts';

// Faults and Tasks. A fault's own fields are not in the table: they are decoded as they come (see codec/decode.ts).

export const taskTypes = {
  LocalizedMethodFault: { fields: { fault: 'MethodFault', localizedMessage: 'string?' } },
  MethodFault: { fields: { faultCause: 'LocalizedMethodFault?', faultMessage: 'LocalizableMessage[]' } },
  LocalizableMessage: { fields: { key: 'string', arg: 'KeyAnyValue[]', message: 'string?' } },
  KeyAnyValue: { fields: { key: 'string', value: 'anyType' } },
  TaskReason: { fields: {} },
  TaskReasonUser: { base: 'TaskReason', fields: { userName: 'string' } },
} as const satisfies Readonly<Record<string, ObjectType>>;

export const taskEnums = {
  TaskInfoState: { values: ['queued', 'running', 'success', 'error'] },
} as const satisfies Readonly<Record<string, EnumType>>;

export const taskOperations = {
  CancelTask: { on: 'Task', params: {}, faults: ['InvalidState', 'NotSupported'] },
} as const satisfies Readonly<Record<string, Operation>>;

export const taskProperties = {
  TaskManager: { recentTask: 'ManagedObjectReference[]' },
  Task: {
    'info.name': 'string',
    'info.descriptionId': 'string',
    'info.entity': 'ManagedObjectReference',
    'info.state': 'TaskInfoState',
    'info.queueTime': 'dateTime',
    'info.reason': 'TaskReason',
    'info.progress': 'int',
    'info.result': 'anyType',
    'info.error': 'LocalizedMethodFault',
  },
} as const;
