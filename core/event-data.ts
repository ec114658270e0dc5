import { EVENT_TYPES, type EventType, type StowageEvent } from './events.ts';

// What `data` of each type of event holds. More may come with any version; what is here stays. A test holds events that really happen against it.

type FieldType = 'text' | 'number' | 'flag' | 'time' | 'texts' | 'labels';
/** The type of each member; a name that ends in `?` may be absent. */
type Fields = Readonly<Record<string, FieldType>>;

const byWhom: Fields = { by: 'text' };
const attempt: Fields = { kind: 'text', attempt: 'number' };
const failure: Fields = { code: 'text', message: 'text' };
const flag: Fields = { reason: 'text' };
const holder: Fields = {
  machine: 'text',
  machineName: 'text',
  'access?': 'text',
  'unit?': 'number',
  'outOfBand?': 'flag',
};
const container: Fields = { name: 'text', image: 'text', labels: 'labels' };
const maybeOutOfBand: Fields = { ...container, 'outOfBand?': 'flag' };

const EVENT_DATA: Readonly<Record<EventType, Fields>> = {
  'job.submitted': { kind: 'text', actor: 'text' },
  'job.started': { attempt: 'number', worker: 'text' },
  'job.awaiting': attempt,
  'job.retrying': { ...attempt, ...failure, retryAt: 'time' },
  'job.succeeded': attempt,
  'job.dead': { ...attempt, ...failure },
  'job.cancelled': { 'by?': 'text', 'kind?': 'text', 'attempt?': 'number', 'code?': 'text', 'message?': 'text' },
  'job.redriven': { ...byWhom, 'run?': 'text' },
  'job.discarded': { by: 'text', reason: 'text' },
  'job.displaced': byWhom,
  'volume.created': { path: 'text', capacityBytes: 'number', store: 'text' },
  'volume.attached': holder,
  'volume.detached': holder,
  'volume.expanded': { capacityBytes: 'number' },
  'volume.removed': { path: 'text' },
  'volume.failed': failure,
  'volume.adopted': { path: 'text', 'state?': 'text' },
  'volume.moved': { path: 'text' },
  'volume.flagged': { ...flag, since: 'time' },
  'volume.unflagged': flag,
  'layer.pulled': { path: 'text', sizeBytes: 'number' },
  'layer.removed': { path: 'text' },
  'image.pulled': { names: 'texts', digest: 'text' },
  'image.tagged': { name: 'text' },
  'image.untagged': { name: 'text' },
  'image.removed': {},
  'image.adopted': { names: 'texts' },
  'image.flagged': { ...flag, since: 'time' },
  'image.unflagged': flag,
  'container.created': container,
  'container.started': { ...maybeOutOfBand, 'host?': 'text' },
  'container.died': { ...container, exitCode: 'number', 'reason?': 'text' },
  'container.paused': maybeOutOfBand,
  'container.unpaused': maybeOutOfBand,
  'container.killed': { ...container, signal: 'text' },
  'container.exec-created': { ...container, exec: 'text', command: 'text' },
  'container.exec-started': { ...container, exec: 'text', command: 'text' },
  'container.exec-died': { ...container, exec: 'text', command: 'text', exitCode: 'number' },
  'container.renamed': { ...container, was: 'text' },
  'container.updated': container,
  'container.removed': container,
  'container.failed': { ...maybeOutOfBand, 'code?': 'text', message: 'text' },
  'container.moved': { ...container, host: 'text', 'was?': 'text' },
  'container.adopted': { ...container, state: 'text', machine: 'text' },
  'container.flagged': { ...container, ...flag },
  'container.unflagged': { ...container, ...flag },
  'container.recovering': { ...container, 'recovery?': 'text', 'host?': 'text', 'code?': 'text', 'message?': 'text' },
  'container.recovered': {
    ...container,
    how: 'text',
    host: 'text',
    'detected?': 'time',
    'marked?': 'time',
    'waited?': 'time',
    'unregistered?': 'time',
    'rehomed?': 'time',
    'poweredOn?': 'time',
    'verified?': 'time',
  },
  'recovery.started': { job: 'text', connection: 'text', since: 'time' },
  'recovery.finished': { job: 'text', recovered: 'number', lost: 'number', unchanged: 'number' },
  'host.changed': { connection: 'text', inMaintenance: 'flag', poweredOn: 'flag', 'was?': 'text' },
  'store.changed': { usable: 'flag', 'fault?': 'text' },
  'webhook.enabled': byWhom,
  'webhook.disabled': flag,
  'webhook.test': byWhom,
};

const SCHEMAS = {
  text: { type: 'string' },
  number: { type: 'number' },
  flag: { type: 'boolean' },
  time: { type: 'string', format: 'date-time' },
  texts: { type: 'array', items: { type: 'string' } },
  labels: { type: 'object', additionalProperties: { type: 'string' } },
} as const satisfies Record<FieldType, object>;

export interface EventDataSchema {
  readonly $schema: string;
  readonly title: EventType;
  readonly description: string;
  readonly type: 'object';
  readonly properties: Readonly<Record<string, object>>;
  readonly required: readonly string[];
}

/** JSON Schema of a type's `data`. It leaves room for members that come later. */
export function eventDataSchema(type: EventType): EventDataSchema {
  const fields = fieldsOf(type);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: type,
    description: EVENT_TYPES[type],
    type: 'object',
    properties: Object.fromEntries(fields.map(({ name, field }) => [name, SCHEMAS[field]])),
    required: fields.filter(({ isOptional }) => !isOptional).map(({ name }) => name),
  };
}

/** What of an event is not as its type says; nothing, when all is. */
export function explainEventData({ type, data }: Pick<StowageEvent, 'type' | 'data'>): readonly string[] {
  const fields = fieldsOf(type);
  const strange = Object.keys(data).filter((name) => !fields.some((field) => field.name === name));
  const faults = fields.filter(({ name, field, isOptional }) => {
    const value = data[name];
    return value === undefined ? !isOptional : !isOf(field, value);
  });
  return [
    ...strange.map((name) => `${type} has ${name}, which is not in the catalogue`),
    ...faults.map(({ name, field }) => `${type} has no ${field} in ${name}`),
  ];
}

function fieldsOf(
  type: EventType,
): readonly { readonly name: string; readonly field: FieldType; readonly isOptional: boolean }[] {
  return Object.entries(EVENT_DATA[type]).map(([name, field]) => ({
    name: name.replace('?', ''),
    field,
    isOptional: name.endsWith('?'),
  }));
}

function isOf(field: FieldType, value: unknown): boolean {
  switch (field) {
    case 'text':
      return typeof value === 'string';
    case 'number':
      return typeof value === 'number';
    case 'flag':
      return typeof value === 'boolean';
    case 'time':
      return typeof value === 'string' && !Number.isNaN(Date.parse(value));
    case 'texts':
      return Array.isArray(value) && value.every((each) => typeof each === 'string');
    case 'labels':
      return (
        typeof value === 'object' && value !== null && Object.values(value).every((each) => typeof each === 'string')
      );
  }
}
