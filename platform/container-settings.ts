import { z } from 'zod';
import { parseByteSize, parseImageStore } from './registry-values.ts';
import { parsedBy, type Setting, whole } from './setting.ts';

/** A name of something in vCenter's inventory. */
const inventoryName = (): z.ZodType<string, string> =>
  z.string().max(80, 'must have at most 80 characters: vSphere takes no more');

/** Settings of containers and of the machines that they are. */
export const CONTAINER_SETTINGS = {
  VCENTER_CLUSTER: {
    schema: z.string(),
    type: 'text',
    example: 'cluster-1',
    description: 'The cluster in which containers run, by name. Needed where the datacenter has several.',
  },
  STOWAGE_CONTAINER_STORE: {
    schema: parsedBy(parseImageStore),
    type: '`[datastore] folder`',
    example: '[datastore1] stowage',
    defaultText: 'the place of `STOWAGE_IMAGE_STORE`',
    description: 'Where the machines of containers have their homes: a datastore that all hosts of the cluster see.',
  },
  STOWAGE_CONTAINER_FOLDER: {
    schema: inventoryName(),
    type: 'text',
    example: 'stowage',
    fallback: 'stowage',
    description: 'The VM folder in which the machines of containers are; made when it is missing.',
  },
  STOWAGE_CONTAINER_POOL: {
    schema: inventoryName(),
    type: 'text',
    example: 'stowage',
    fallback: 'stowage',
    description: 'The resource pool from which they run; made when it is missing. Limits that it has are kept.',
  },
  STOWAGE_CONTAINER_NETWORK: {
    schema: inventoryName(),
    type: 'text',
    example: 'VM Network',
    fallback: 'VM Network',
    description: 'The network or distributed port group of containers on `bridge`.',
  },
  STOWAGE_CONTAINER_SCRATCH: {
    schema: parsedBy(parseByteSize),
    type: 'size',
    example: '8GB',
    fallback: '8GB',
    description: 'What a container can write outside of volumes: the capacity of its own (thin) disk.',
  },
  STOWAGE_CONTAINER_MEMORY: {
    schema: parsedBy(parseByteSize),
    type: 'size',
    example: '512MB',
    fallback: '512MB',
    description: 'Memory of a container that was made without `--memory`; vSphere rounds it up to 4 MiB.',
  },
  STOWAGE_CONTAINER_CPUS: {
    schema: whole(1, 128),
    type: 'number',
    example: '1',
    fallback: '1',
    description: 'CPUs of a container that was made without `--cpus`.',
  },
  STOWAGE_GUEST_IMAGE: {
    schema: parsedBy(parseImageStore),
    type: '`[datastore] path of an ISO`',
    example: '[datastore1] stowage/stowage-guest.iso',
    description:
      'What machines of containers boot: the ISO that `guest/build --iso` makes, on a datastore that all hosts see. The lab needs none.',
  },
  STOWAGE_HOST_GRACE_MS: {
    schema: whole(0, 3_600_000),
    type: 'milliseconds',
    example: '1000',
    fallback: '1000',
    description: 'How long a host must be silent before its containers are recovered.',
  },
  STOWAGE_HA_WAIT: {
    schema: whole(0, 86_400),
    type: 'seconds',
    example: '120',
    fallback: '120',
    description:
      'How long vSphere HA, where it is on, has for its own restarts before Stowage re-homes a container; counted from the loss of the host.',
  },
  STOWAGE_ROOM_WAIT: {
    schema: whole(0, 604_800),
    type: 'seconds',
    example: '1800',
    fallback: '1800',
    description:
      'How long a lost container that fits on no host is tried again before its recovery becomes a dead letter.',
  },
} as const satisfies Readonly<Record<string, Setting>>;
