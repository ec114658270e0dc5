import { z } from 'zod';
import type { FieldFault } from '../../core/errors.ts';
import {
  explainBadVolumeName,
  parseVolumeName,
  type TextForm,
  VOLUME_NAME_FORM,
  type VolumeName,
} from '../../core/ids.ts';
import { parseVolumeSize, SIZE_PATTERN } from '../../core/size.ts';
import {
  ACCESS_MODES,
  type AccessMode,
  DISK_FORMATS,
  type DiskFormat,
  FILE_SYSTEMS,
  type FileSystem,
} from '../../core/volume.ts';
import type { World } from '../define.ts';

/** VIC's default: 1024 MB. */
export const DEFAULT_CAPACITY_BYTES = 1_024_000_000;
const DEFAULT_STORE = 'default';

/** What a creation asks for, parsed; what is undefined was not asked for. */
export interface VolumeRequest {
  readonly name: VolumeName;
  readonly store: string;
  readonly capacityBytes?: number;
  readonly diskFormat?: DiskFormat;
  readonly access: AccessMode;
  readonly fileSystem?: FileSystem;
  readonly cloneFrom?: VolumeName;
  readonly labels: Readonly<Record<string, string>>;
}

type Draft = { -readonly [K in keyof VolumeRequest]?: VolumeRequest[K] };
interface Option {
  /** As it is spelled in documentation; case does not matter to callers. */
  readonly name: string;
  readonly description: string;
  /** What JSON Schema can say of its text. */
  readonly form?: TextForm & { readonly enum?: readonly string[] };
  /** Returns what is wrong. */
  readonly read: (text: string, draft: Draft) => string | undefined;
}

function oneOf<T extends string>(values: readonly T[], set: (value: T) => void): (text: string) => string | undefined {
  return (text) => {
    const value = values.find((each) => each === text.toLowerCase());
    if (value === undefined) return `"${text}" is not one of ${values.join(', ')}`;
    set(value);
    return undefined;
  };
}

function readCapacity(text: string, draft: Draft): string | undefined {
  const size = parseVolumeSize(text);
  if ('fault' in size) return size.fault;
  draft.capacityBytes = size.bytes;
  return undefined;
}

function readSource(text: string, draft: Draft): string | undefined {
  const name = parseVolumeName(text);
  if (name === undefined) return explainBadVolumeName(text);
  draft.cloneFrom = name;
  return undefined;
}

/** VIC's names first, then the vSphere Docker Volume Service's. */
const VOLUME_OPTIONS: readonly Option[] = [
  {
    name: 'VolumeStore',
    description: 'the volume store, by its configured name (default: `default`)',
    read: (text, draft) => {
      draft.store = text;
      return undefined;
    },
  },
  {
    name: 'Capacity',
    description: 'e.g. 10GB, 512MiB; a bare number is MB (default: 1024MB)',
    form: { pattern: SIZE_PATTERN },
    read: readCapacity,
  },
  { name: 'size', description: 'the same as Capacity', form: { pattern: SIZE_PATTERN }, read: readCapacity },
  {
    name: 'diskformat',
    description: `one of ${DISK_FORMATS.join(', ')} (default: thin)`,
    form: { enum: DISK_FORMATS },
    read: (text, draft) => oneOf(DISK_FORMATS, (value) => (draft.diskFormat = value))(text),
  },
  {
    name: 'access',
    description: `one of ${ACCESS_MODES.join(', ')} (default: read-write)`,
    form: { enum: ACCESS_MODES },
    read: (text, draft) => oneOf(ACCESS_MODES, (value) => (draft.access = value))(text),
  },
  {
    name: 'fstype',
    description: `one of ${FILE_SYSTEMS.join(', ')} (default: ext4)`,
    form: { enum: FILE_SYSTEMS },
    read: (text, draft) => oneOf(FILE_SYSTEMS, (value) => (draft.fileSystem = value))(text),
  },
  {
    name: 'clone-from',
    description: 'the volume whose content it begins with',
    form: VOLUME_NAME_FORM,
    read: readSource,
  },
];

/** Which ones a clone has from its source; `clone-from` is what its `source` says. */
const OF_SOURCE = ['Capacity', 'size', 'fstype', 'clone-from'];

function documentOptions(options: readonly Option[]) {
  const forms = options.map(({ name, description, form }) => [name, { type: 'string', description, ...form }] as const);
  return z
    .record(z.string(), z.string())
    .default({})
    .meta({
      description: 'Volume options. Case does not matter in their names, and in the words that they may be',
      properties: Object.fromEntries(forms),
      additionalProperties: false,
    });
}
export const labelsSchema = z
  .record(z.string().min(1).max(256), z.string().max(4_096))
  .default({})
  .describe('Labels, kept and shown.');

export const volumeNameSchema = z
  .string()
  .meta({ ...VOLUME_NAME_FORM, description: 'The name of a volume, e.g. demo_vol.' })
  .transform((text, context) => {
    const name = parseVolumeName(text);
    if (name !== undefined) return name;
    context.addIssue({ code: 'custom', message: explainBadVolumeName(text) ?? 'not a volume name' });
    return z.NEVER;
  });

interface RawRequest {
  readonly name: VolumeName;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

function parseOptions(raw: RawRequest, draft: Draft): { readonly key: string; readonly message: string }[] {
  const faults: { key: string; message: string }[] = [];
  const seen = new Map<string, string>();
  for (const [key, text] of Object.entries(raw.options)) {
    const option = VOLUME_OPTIONS.find((each) => each.name.toLowerCase() === key.toLowerCase());
    if (option === undefined) {
      faults.push({
        key,
        message: `is not an option; the options are ${VOLUME_OPTIONS.map((each) => each.name).join(', ')}`,
      });
      continue;
    }
    const slot = option.name === 'size' ? 'Capacity' : option.name;
    const earlier = seen.get(slot);
    if (earlier !== undefined) faults.push({ key, message: `says the same as ${earlier}: leave one of them out` });
    seen.set(slot, key);
    const message = option.read(text, draft);
    if (message !== undefined) faults.push({ key, message });
  }
  if (draft.cloneFrom !== undefined) {
    for (const slot of ['Capacity', 'fstype']) {
      const key = seen.get(slot);
      if (key !== undefined)
        faults.push({
          key,
          message: 'comes from the source of the clone: leave it out, and expand the clone afterwards',
        });
    }
    if (draft.cloneFrom === raw.name)
      faults.push({ key: 'clone-from', message: 'a volume cannot be a clone of itself' });
  }
  return faults;
}

function toRequest(raw: RawRequest, draft: Draft, context: z.core.$RefinementCtx): VolumeRequest {
  for (const fault of parseOptions(raw, draft)) {
    context.addIssue({ code: 'custom', path: ['options', fault.key], message: fault.message, input: raw });
  }
  return {
    ...draft,
    name: raw.name,
    store: draft.store ?? DEFAULT_STORE,
    access: draft.access ?? 'read-write',
    labels: raw.labels,
  };
}

export const createPayload = z
  .strictObject({
    name: volumeNameSchema,
    driver: z
      .enum(['vsphere', 'local'])
      .optional()
      .describe('Docker sends `local` when no driver was named; it means vsphere here.'),
    options: documentOptions(VOLUME_OPTIONS),
    labels: labelsSchema,
  })
  .transform((raw, context) => toRequest(raw, {}, context));

export const clonePayload = z
  .strictObject({
    source: volumeNameSchema,
    name: volumeNameSchema,
    options: documentOptions(VOLUME_OPTIONS.filter(({ name }) => !OF_SOURCE.includes(name))),
    labels: labelsSchema,
  })
  .transform((raw, context) => {
    const spelled = Object.keys(raw.options).find((key) => key.toLowerCase() === 'clone-from');
    if (spelled !== undefined) {
      context.addIssue({
        code: 'custom',
        path: ['options', spelled],
        message: 'is what `source` says already',
        input: raw,
      });
    }
    if (raw.source === raw.name) {
      context.addIssue({ code: 'custom', path: ['name'], message: 'a volume cannot be a clone of itself', input: raw });
    }
    return toRequest(raw, { cloneFrom: raw.source }, context);
  });

/** Only the configuration shows which stores there are. */
export function checkStore(request: { readonly store: string }, world: World): readonly FieldFault[] {
  if (world.stores.has(request.store)) return [];
  const known = [...world.stores.keys()].join(', ');
  return [
    { pointer: '/options/VolumeStore', detail: `there is no volume store "${request.store}"; the stores are ${known}` },
  ];
}
