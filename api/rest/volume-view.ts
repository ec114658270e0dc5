import { z } from 'zod';
import type { Versioned } from '../../core/record.ts';
import { formatSize } from '../../core/size.ts';
import { VOLUME_STATES, type VolumeState } from '../../core/states.ts';
import { ACCESS_MODES, DISK_FORMATS, FILE_SYSTEMS, type VolumeRecord } from '../../core/volume.ts';

const volumeStates = Object.keys(VOLUME_STATES) as [VolumeState, ...VolumeState[]];
export const volumeState = z.enum(volumeStates);

export const volumeView = z
  .object({
    name: z.string(),
    state: volumeState,
    store: z.string(),
    capacityBytes: z.int(),
    capacity: z.string().describe('For people, e.g. `10 GB`'),
    diskFormat: z.enum(DISK_FORMATS),
    access: z.enum(ACCESS_MODES),
    fileSystem: z.enum(FILE_SYSTEMS),
    cloneFrom: z.string().optional(),
    labels: z.record(z.string(), z.string()),
    datastore: z.string().nullable(),
    home: z.string().nullable().describe('The folder of its document'),
    path: z.string().nullable().describe('Of its disk'),
    diskUuid: z.string().nullable(),
    backing: z.enum(['block', 'files']).nullable(),
    holders: z.array(
      z.object({
        machine: z.string(),
        machineName: z.string(),
        access: z.enum(ACCESS_MODES),
        controllerKey: z.int().optional(),
        unit: z.int().optional(),
        diskKey: z.int().optional(),
        job: z.string().optional(),
      }),
    ),
    job: z.string().optional().describe('That changed it last'),
    failure: z
      .object({ during: z.enum(['creating', 'deleting']), message: z.string() })
      .optional()
      .describe('Why it is half done'),
    flag: z
      .object({ reason: z.string(), passes: z.int(), since: z.iso.datetime() })
      .optional()
      .describe('What reconcile found amiss; nothing is deleted because of it'),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    rev: z.int(),
  })
  .meta({ id: 'Volume' });

export function viewVolume({ record, rev }: Versioned<VolumeRecord>): z.infer<typeof volumeView> {
  const { name, state, spec, place, holders, job, failure, flag, createdAt, updatedAt } = record;
  return {
    name,
    state,
    store: spec.store,
    capacityBytes: spec.capacityBytes,
    capacity: formatSize(spec.capacityBytes),
    diskFormat: spec.diskFormat,
    access: spec.access,
    fileSystem: spec.fileSystem,
    ...(spec.cloneFrom === undefined ? {} : { cloneFrom: spec.cloneFrom }),
    labels: spec.labels,
    datastore: place?.datastore ?? null,
    home: place?.home ?? null,
    path: place?.disk?.path ?? null,
    diskUuid: place?.disk?.uuid ?? null,
    backing: place?.backing ?? null,
    holders: [...holders],
    ...(job === undefined ? {} : { job }),
    ...(failure === undefined ? {} : { failure }),
    ...(flag === undefined ? {} : { flag }),
    createdAt,
    updatedAt,
    rev,
  };
}

/** A record rebuilt after Redis was emptied begins at revision 1 again, so its time is part of the tag. */
export function tagOf({ record, rev }: Versioned<VolumeRecord>): string {
  return `"${rev}-${Date.parse(record.updatedAt).toString(36)}"`;
}
