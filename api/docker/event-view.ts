import type { StowageEvent } from '../../core/events.ts';
import type { Json } from '../../core/job.ts';
import { familiarName } from '../../core/reference.ts';
import { type Filters, filtersOf, hasLabels } from './query.ts';

/** An event in Docker's shape. */
export interface DockerEvent {
  /** As before API 1.22; tools still read them of images and containers. */
  readonly status?: string;
  readonly id?: string;
  readonly Type: 'volume' | 'image';
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly scope: 'local';
  readonly time: number;
  readonly timeNano: number;
}

const ACTIONS: Readonly<Record<string, string>> = {
  'volume.created': 'create',
  'volume.removed': 'destroy',
  'volume.attached': 'mount',
  'volume.detached': 'unmount',
  'volume.expanded': 'update',
  'image.pulled': 'pull',
  'image.tagged': 'tag',
  'image.untagged': 'untag',
  'image.removed': 'delete',
};

/** undefined: Docker has no such event. */
export function renderEvent(event: StowageEvent): DockerEvent | undefined {
  const action = ACTIONS[event.type];
  if (action === undefined) return undefined;
  const atMs = Date.parse(event.time);
  const when = { scope: 'local', time: Math.floor(atMs / 1_000), timeNano: atMs * 1_000_000 } as const;
  const at = event.subject.indexOf(':');
  const subject = event.subject.slice(at + 1);
  if (event.type.startsWith('volume.'))
    return { Type: 'volume', Action: action, Actor: { ID: subject, Attributes: volumeAttributes(event) }, ...when };
  const name = nameIn(event);
  // A pull is of a name, all else of an image.
  const id = action === 'pull' ? (name ?? subject) : subject;
  return {
    status: action,
    id,
    Type: 'image',
    Action: action,
    Actor: { ID: id, Attributes: { name: name ?? subject } },
    ...when,
  };
}

function volumeAttributes({ type, data }: StowageEvent): Readonly<Record<string, string>> {
  if (type !== 'volume.attached' && type !== 'volume.detached') return { driver: 'vsphere' };
  return {
    driver: 'vsphere',
    ...textAs('machine', data['machineName']),
    ...(type === 'volume.attached' ? { 'read/write': String(data['access'] !== 'read-only') } : {}),
  };
}

function textAs(name: string, value: Json | undefined): Readonly<Record<string, string>> {
  return typeof value === 'string' ? { [name]: value } : {};
}

function nameIn({ data }: StowageEvent): string | undefined {
  const { name, names } = data;
  const first = Array.isArray(names) ? names[0] : name;
  return typeof first === 'string' ? familiarName(first) : undefined;
}

const KNOWN = [
  'config',
  'container',
  'daemon',
  'event',
  'image',
  'label',
  'network',
  'node',
  'plugin',
  'scope',
  'secret',
  'service',
  'type',
  'volume',
  'builder',
] as const;
/** Of things that have no events here: who asks for one of them gets none. */
const ABSENT = ['config', 'container', 'daemon', 'network', 'node', 'plugin', 'secret', 'service', 'builder'] as const;

/** @throws StowageError `request-invalid` */
export function eventFilter(query: URLSearchParams): (event: DockerEvent) => boolean {
  const filters = filtersOf(query, KNOWN);
  if (ABSENT.some((name) => filters.has(name)) && !filters.has('volume') && !filters.has('image')) return () => false;
  return ({ Type, Action, Actor, scope }) =>
    allows(filters, 'type', Type) &&
    allows(filters, 'event', Action) &&
    allows(filters, 'scope', scope) &&
    hasLabels(Actor.Attributes, filters.get('label')) &&
    isOfThing(filters, Type, [Actor.ID, Actor.Attributes['name'] ?? '']);
}

function allows(filters: Filters, name: string, value: string): boolean {
  const wanted = filters.get(name) ?? [];
  return wanted.length === 0 || wanted.includes(value);
}

/** `image=busybox` is for all of its tags. */
function isOfThing(filters: Filters, type: DockerEvent['Type'], names: readonly string[]): boolean {
  const wanted = filters.get(type) ?? [];
  if (wanted.length > 0) return names.some((name) => wanted.some((each) => name === each || withoutTag(name) === each));
  return !filters.has(type === 'volume' ? 'image' : 'volume');
}

function withoutTag(name: string): string {
  return name.replace(/(?::[^/:]+|@.*)$/, '');
}
