// Branded ids: a plain string never passes for one of these. Only the parsers below brand.

declare const brand: unique symbol;
type Branded<B extends string> = string & { readonly [brand]: B };

/** A job's id: 26 characters of Crockford base32 (48 bits of time, 80 of chance), so ids sort by submission time. */
export type JobId = Branded<'JobId'>;
/** What a line is kept for, `<type>:<name>`, e.g. `volume:demo_vol`. */
export type ResourceKey = Branded<'ResourceKey'>;
/** A vSphere managed object reference as `<Type>:<value>`, e.g. `VirtualMachine:vm-42`. */
export type Moref = Branded<'Moref'>;
/** The managed object reference of a vSphere Task. */
export type TaskRef = Branded<'TaskRef'>;
/** `[datastore] folder/file`. */
export type DatastorePath = Branded<'DatastorePath'>;
/** A virtual disk's uuid: 32 hex digits in lower case, without separators (vSphere prints it in two ways). */
export type DiskUuid = Branded<'DiskUuid'>;
/** A virtual machine's BIOS uuid as vSphere prints it: 8-4-4-4-12 hex digits in lower case. */
export type MachineUuid = Branded<'MachineUuid'>;
/** A volume's name, unique in the whole system. */
export type VolumeName = Branded<'VolumeName'>;
/** 64 hexadecimal digits in lower case, as Docker's. */
export type ContainerId = Branded<'ContainerId'>;
/** What people call a container; unique, and its machine's name in vSphere. */
export type ContainerName = Branded<'ContainerName'>;

/** What JSON Schema says of a text. Its patterns are plain enough to mean the same in every language's dialect. */
export type TextForm = { readonly pattern?: string; readonly minLength?: number; readonly maxLength?: number };

const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz';
const JOB_ID = /^[0-9a-hjkmnp-tv-z]{26}$/;
const MOREF = /^[A-Za-z]+:[\w.-]+$/;
const DATASTORE_PATH = /^\[([^\]]+)\] ?(.*)$/;

/** What ids of this millisecond begin with: every id of an earlier one sorts before it, every later one behind. */
export function idTime(ms: number): string {
  let time = '';
  for (let rest = Math.max(0, ms), i = 0; i < 10; i += 1, rest = Math.floor(rest / 32))
    time = CROCKFORD.charAt(rest % 32) + time;
  return time;
}

/** @param randomBytes at least 10 bytes of chance */
export function newJobId(nowMs: number, randomBytes: Uint8Array): JobId {
  let chance = '';
  let bits = 0;
  let held = 0;
  for (const byte of randomBytes.subarray(0, 10)) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      chance += CROCKFORD.charAt((held >> bits) & 31);
    }
    held &= (1 << bits) - 1;
  }
  return (idTime(nowMs) + chance) as JobId;
}

export function parseJobId(text: string): JobId | undefined {
  return JOB_ID.test(text) ? (text as JobId) : undefined;
}

export const JOB_ID_FORM: TextForm = { pattern: JOB_ID.source };

export function parseMoref(text: string): Moref | undefined {
  return MOREF.test(text) ? (text as Moref) : undefined;
}

export const MOREF_FORM: TextForm = { pattern: '^[A-Za-z]+:[A-Za-z0-9_.-]+$' };

/** The two halves of a reference: its managed object type and its value. */
export function splitMoref(ref: Moref | TaskRef): { readonly type: string; readonly value: string } {
  const at = ref.indexOf(':');
  return { type: ref.slice(0, at), value: ref.slice(at + 1) };
}

export function moref(type: string, value: string): Moref {
  return `${type}:${value}` as Moref;
}

export function taskRef(value: string): TaskRef {
  return (value.startsWith('Task:') ? value : `Task:${value}`) as TaskRef;
}

export function datastorePath(datastore: string, path: string): DatastorePath {
  return `[${datastore}] ${path.replace(/^\/+/, '')}` as DatastorePath;
}

export function parseDatastorePath(text: string): DatastorePath | undefined {
  const match = DATASTORE_PATH.exec(text);
  return match?.[1] === undefined ? undefined : datastorePath(match[1], match[2] ?? '');
}

export function splitDatastorePath(path: DatastorePath): { readonly datastore: string; readonly path: string } {
  const match = DATASTORE_PATH.exec(path);
  return { datastore: match?.[1] ?? '', path: match?.[2] ?? '' };
}

/** `[ds] a/b/c` → `[ds] a/b`. */
export function parentPath(path: DatastorePath): DatastorePath {
  const { datastore, path: inner } = splitDatastorePath(path);
  return datastorePath(datastore, inner.split('/').slice(0, -1).join('/'));
}

/** Accepts vSphere's forms `6000c29a-…` and `60 00 C2 9a…`. */
export function parseDiskUuid(text: string): DiskUuid | undefined {
  const hex = text.replaceAll(/[\s-]/g, '').toLowerCase();
  return /^[0-9a-f]{32}$/.test(hex) ? (hex as DiskUuid) : undefined;
}

/** With or without separators. */
export function parseMachineUuid(text: string): MachineUuid | undefined {
  const parts = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/.exec(parseDiskUuid(text) ?? '');
  return parts === null ? undefined : (parts.slice(1).join('-') as MachineUuid);
}

export const RESOURCE_TYPES = [
  'volume',
  'machine',
  'image',
  'layer',
  'pull',
  'container',
  'container-name',
  'restart',
  'again',
  'host',
  'host-job',
  'system',
] as const;

export function resourceKey(type: (typeof RESOURCE_TYPES)[number], name: string): ResourceKey {
  return `${type}:${name}` as ResourceKey;
}

export const RESOURCE_KEY_FORM: TextForm = { pattern: `^(?:${RESOURCE_TYPES.join('|')}):[\\s\\S]` };

export function parseResourceKey(text: string): ResourceKey | undefined {
  const at = text.indexOf(':');
  const isKnown = RESOURCE_TYPES.some((type) => type === text.slice(0, Math.max(at, 0)));
  return isKnown && at + 1 < text.length ? (text as ResourceKey) : undefined;
}

const VOLUME_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const DELTA_DISK = /-\d{6}$/;

/** Docker's rule for volume names (two characters at least), 100 characters at most as in vSphere's own volume service. */
export function explainBadVolumeName(text: string): string | undefined {
  if (text.length < 2) return 'a volume name needs at least two characters';
  if (text.length > 100) return 'a volume name has at most 100 characters';
  if (!VOLUME_NAME.test(text))
    return 'a volume name starts with a letter or digit and goes on with letters, digits, "_", "." and "-"';
  if (DELTA_DISK.test(text)) return 'a volume name may not end in "-" and six digits: vSphere names snapshot disks so';
  return undefined;
}

export const VOLUME_NAME_FORM: TextForm = {
  pattern: '^(?!.*-[0-9]{6}$)[a-zA-Z0-9][a-zA-Z0-9_.-]+$',
  minLength: 2,
  maxLength: 100,
};

export function parseVolumeName(text: string): VolumeName | undefined {
  return explainBadVolumeName(text) === undefined ? (text as VolumeName) : undefined;
}

export function parseContainerId(text: string): ContainerId | undefined {
  return /^[0-9a-f]{64}$/.test(text) ? (text as ContainerId) : undefined;
}

/** Docker's rule; at most 80 characters, as vSphere's names of machines. */
export function explainBadContainerName(text: string): string | undefined {
  if (text.length > 80) return 'a container name has at most 80 characters: vSphere names its machine so';
  if (VOLUME_NAME.test(text)) return undefined;
  return `Invalid container name (${text}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`;
}

export const CONTAINER_NAME_FORM: TextForm = { pattern: VOLUME_NAME.source, maxLength: 80 };

export function parseContainerName(text: string): ContainerName | undefined {
  return explainBadContainerName(text) === undefined ? (text as ContainerName) : undefined;
}

/** The BIOS uuid of a container's machine: the beginning of its id, marked as a custom uuid (version 8, RFC 9562). */
export function machineUuidOf(id: ContainerId): MachineUuid {
  const variant = '89ab'.charAt(Number.parseInt(id.charAt(16), 16) & 3);
  const hex = `${id.slice(0, 12)}8${id.slice(13, 16)}${variant}${id.slice(17, 32)}`;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` as MachineUuid;
}
