import type { DockerEvent } from './event-view.ts';
import { type Filters, filtersOf, hasLabels } from './query.ts';

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
const ABSENT = ['config', 'daemon', 'network', 'node', 'plugin', 'secret', 'service', 'builder'] as const;
const THINGS = ['container', 'image', 'volume'] as const;

/** @throws StowageError `request-invalid` */
export function eventFilter(query: URLSearchParams): (event: DockerEvent) => boolean {
  const filters = filtersOf(query, KNOWN);
  if (ABSENT.some((name) => filters.has(name)) && !THINGS.some((name) => filters.has(name))) return () => false;
  return (event) =>
    allows(filters, 'type', event.Type) &&
    // Of an exec: its action has the command behind it.
    (allows(filters, 'event', event.Action) || allows(filters, 'event', event.Action.split(':', 1)[0] ?? '')) &&
    allows(filters, 'scope', event.scope) &&
    hasLabels(event.Actor.Attributes, filters.get('label')) &&
    isOfThing(filters, event);
}

function allows(filters: Filters, name: string, value: string): boolean {
  const wanted = filters.get(name) ?? [];
  return wanted.length === 0 || wanted.includes(value);
}

/** Events of a container are also those of its image. */
function isOfThing(filters: Filters, { Type, Actor }: DockerEvent): boolean {
  const own = filters.get(Type) ?? [];
  if (Type !== 'container') {
    if (own.length > 0) return isNamed(own, [Actor.ID, Actor.Attributes['name'] ?? '']);
    return !THINGS.some((name) => filters.has(name));
  }
  const images = filters.get('image') ?? [];
  if (own.length === 0 && images.length === 0) return !filters.has('volume');
  return (
    (own.length === 0 || own.some((text) => isContainer(text, Actor))) &&
    (images.length === 0 || isNamed(images, [Actor.Attributes['image'] ?? '']))
  );
}

function isContainer(text: string, { ID: id, Attributes: { name } }: DockerEvent['Actor']): boolean {
  return name === text.replace(/^\//, '') || (/^[0-9a-f]{4,64}$/.test(text) && id.startsWith(text));
}

/** `image=busybox` is for all of its tags. */
function isNamed(wanted: readonly string[], names: readonly string[]): boolean {
  return names.some((name) => wanted.some((each) => name === each || withoutTag(name) === each));
}

function withoutTag(name: string): string {
  return name.replace(/(?::[^/:]+|@.*)$/, '');
}
