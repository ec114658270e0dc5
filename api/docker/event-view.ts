import type { StowageEvent } from '../../core/events.ts';
import type { Json, JsonObject } from '../../core/job.ts';
import { familiarName } from '../../core/reference.ts';
import { numberOfSignal } from './signal.ts';

/** An event in Docker's shape. */
export interface DockerEvent {
  /** As before API 1.22; tools still read them of images and containers. */
  readonly status?: string;
  readonly id?: string;
  /** The image of a container. */
  readonly from?: string;
  readonly Type: 'volume' | 'image' | 'container';
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
  'container.created': 'create',
  'container.started': 'start',
  // It runs again, from the beginning; one that was found running has never stopped.
  'container.recovered': 'start',
  'container.died': 'die',
  'container.killed': 'kill',
  'container.paused': 'pause',
  'container.unpaused': 'unpause',
  'container.exec-created': 'exec_create',
  'container.exec-started': 'exec_start',
  'container.exec-died': 'exec_die',
  'container.renamed': 'rename',
  'container.updated': 'update',
  'container.removed': 'destroy',
};

/** undefined: Docker has no such event. */
export function renderEvent(event: StowageEvent): DockerEvent | undefined {
  const action = ACTIONS[event.type];
  if (action === undefined || event.data['how'] === 'adopted') return undefined;
  const atMs = Date.parse(event.time);
  const when = { scope: 'local', time: Math.floor(atMs / 1_000), timeNano: atMs * 1_000_000 } as const;
  const at = event.subject.indexOf(':');
  const subject = event.subject.slice(at + 1);
  if (event.type.startsWith('volume.'))
    return { Type: 'volume', Action: action, Actor: { ID: subject, Attributes: volumeAttributes(event) }, ...when };
  if (event.type.startsWith('container.')) return { ...containerEvent(event, action, subject), ...when };
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

type Body = Pick<DockerEvent, 'status' | 'id' | 'from' | 'Type' | 'Action' | 'Actor'>;

/** Labels stand among the attributes, as with dockerd. */
function containerEvent({ type, data }: StowageEvent, action: string, id: string): Body {
  const isExec = type.startsWith('container.exec-');
  const isExit = type === 'container.died' || type === 'container.exec-died';
  // dockerd puts the command into the name of the action, but for its end.
  const command = isExec && !isExit ? `: ${textOf(data['command'], '')}` : '';
  const attributes = {
    ...labelsIn(data),
    ...(isExec ? { execID: textOf(data['exec'], '') } : {}),
    ...textAs('image', data['image']),
    ...textAs('name', data['name']),
    ...(isExit ? { exitCode: textOf(data['exitCode'], '0') } : {}),
    ...(type === 'container.killed' ? { signal: numberOfSignal(textOf(data['signal'], 'KILL')) } : {}),
    ...(type === 'container.renamed' ? { oldName: `/${textOf(data['was'], '')}` } : {}),
  };
  return {
    status: `${action}${command}`,
    id,
    ...(attributes.image === undefined ? {} : { from: attributes.image }),
    Type: 'container',
    Action: `${action}${command}`,
    Actor: { ID: id, Attributes: attributes },
  };
}

function labelsIn({ labels }: JsonObject): Readonly<Record<string, string>> {
  if (typeof labels !== 'object' || labels === null || Array.isArray(labels)) return {};
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, textOf(value, '')]));
}

function textOf(value: Json | undefined, absent: string): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : absent;
}

function volumeAttributes({ type, data }: StowageEvent): Readonly<Record<string, string>> {
  if (type !== 'volume.attached' && type !== 'volume.detached') return { driver: 'vsphere' };
  return {
    driver: 'vsphere',
    ...textAs('machine', data['machineName']),
    ...(type === 'volume.attached' ? { 'read/write': String(data['access'] !== 'read-only') } : {}),
  };
}

function textAs<N extends string>(name: N, value: Json | undefined): { readonly [K in N]?: string } {
  return (typeof value === 'string' ? { [name]: value } : {}) as { readonly [K in N]?: string };
}

function nameIn({ data }: StowageEvent): string | undefined {
  const { name, names } = data;
  const first = Array.isArray(names) ? names[0] : name;
  return typeof first === 'string' ? familiarName(first) : undefined;
}
