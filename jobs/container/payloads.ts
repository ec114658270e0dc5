import { z } from 'zod';
import {
  type ContainerMount,
  NETWORK_MODES,
  type PortBinding,
  RESTART_POLICIES,
  type RestartPolicy,
} from '../../core/container.ts';
import {
  CONTAINER_NAME_FORM,
  type ContainerId,
  type ContainerName,
  explainBadContainerName,
  parseContainerId,
  parseContainerName,
  parseVolumeName,
  VOLUME_NAME_FORM,
  type VolumeName,
} from '../../core/ids.ts';
import type { JsonObject } from '../../core/job.ts';
import { type Digest, parseDigest, REFERENCE_PATTERN } from '../../core/reference.ts';
import { parseSignalName, SIGNAL_PATTERN } from '../../core/signal.ts';
import { ACCESS_MODES, type AccessMode } from '../../core/volume.ts';
import { branded, setByStowage } from '../branded.ts';
import { labelsSchema } from '../volume/options.ts';

// What callers send to jobs of containers.

const MIB = 1_048_576;
const strings = z.array(z.string().max(131_072)).max(10_000);
const seconds = z.number().int().min(-1).max(86_400);

export const nameSchema = z
  .string()
  .meta(CONTAINER_NAME_FORM)
  .transform((text, context): ContainerName => {
    const name = parseContainerName(text);
    if (name !== undefined) return name;
    context.addIssue({ code: 'custom', message: explainBadContainerName(text) ?? 'is no name of a container' });
    return z.NEVER;
  });

const destination = z
  .string()
  .max(4_096)
  .regex(/^\/./, 'must be an absolute path in the container, and not "/" itself')
  .transform((path) => path.replaceAll(/\/+/g, '/').replace(/(?<=.)\/$/, ''));

const mountSchema = z.strictObject({
  volume: branded(parseVolumeName, 'is no name of a volume', VOLUME_NAME_FORM)
    .optional()
    .describe('Made when it is missing. Without a name: an anonymous volume, which goes with the container'),
  destination,
  access: z.enum(ACCESS_MODES).default('read-write'),
  noCopy: z.boolean().default(false),
  options: z.record(z.string(), z.string()).optional().describe('Of `volume.create`, for a volume that is missing'),
  labels: labelsSchema.optional().describe('Of a volume that is missing'),
  anonymous: setByStowage(z.boolean()),
});

export const restartSchema: z.ZodType<RestartPolicy> = z.strictObject({
  name: z.enum(RESTART_POLICIES),
  maxRetries: z.number().int().min(0).default(0),
});

const portSchema: z.ZodType<PortBinding> = z.strictObject({
  containerPort: z.number().int().min(1).max(65_535),
  protocol: z.enum(['tcp', 'udp', 'sctp']).default('tcp'),
  hostIp: z.string().max(64).default(''),
  hostPort: z.number().int().min(0).max(65_535).default(0),
});

export const memorySchema = z
  .number()
  .int()
  .refine((bytes) => bytes === 0 || bytes >= 6 * MIB, 'the least that is allowed is 6 MiB')
  .meta({ anyOf: [{ const: 0 }, { minimum: 6 * MIB }], description: 'In bytes; 0: the configured default' });
export const cpusSchema = z
  .number()
  .int()
  .min(0)
  .max(128_000_000_000)
  .describe("Docker's NanoCPUs: 1,500,000,000 is one and a half; 0: the configured default, without a limit");

export const createSchema = z.strictObject({
  image: z.string().min(1).max(500).meta({
    pattern: REFERENCE_PATTERN,
    description: '`[registry/]repository[:tag][@digest]`, or an id or its beginning; it must be there',
  }),
  name: nameSchema.optional().describe('Default: one that is made up'),
  entrypoint: strings.optional().describe("Default: the image's"),
  command: strings.optional().describe("Default: the image's, where the entrypoint is the image's too"),
  env: strings.optional().describe('`NAME=value`, over those of the image; `NAME` alone takes one away'),
  workingDir: z.string().max(4_096).optional(),
  user: z.string().max(256).optional(),
  hostname: z.string().max(63).optional().describe('Default: the first 12 digits of the id'),
  domainname: z.string().max(253).optional(),
  labels: labelsSchema.optional(),
  tty: z.boolean().optional(),
  openStdin: z.boolean().optional(),
  stopSignal: z.string().max(32).optional(),
  stopTimeoutSeconds: seconds.optional(),
  network: z.enum(NETWORK_MODES).optional(),
  ports: z.array(portSchema).max(1_000).optional(),
  mounts: z.array(mountSchema).max(200).optional().describe('Beside those for which the image wants volumes'),
  autoRemove: z.boolean().optional(),
  memoryBytes: memorySchema.optional(),
  nanoCpus: cpusSchema.optional(),
  restart: restartSchema.optional(),
  engine: z.record(z.string(), z.unknown()).optional().describe('For the Docker face: kept, and given back'),
  id: setByStowage(branded(parseContainerId)),
  imageId: setByStowage(branded(parseDigest)),
});

export interface MountRequest {
  readonly volume?: VolumeName;
  readonly destination: string;
  readonly access: AccessMode;
  readonly noCopy: boolean;
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly anonymous?: boolean;
}

export interface CreatePayload {
  readonly image: string;
  readonly name?: ContainerName;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: readonly string[];
  readonly workingDir?: string;
  readonly user?: string;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly tty?: boolean;
  readonly openStdin?: boolean;
  readonly stopSignal?: string;
  readonly stopTimeoutSeconds?: number;
  readonly network?: 'bridge' | 'none';
  readonly ports?: readonly PortBinding[];
  readonly mounts?: readonly MountRequest[];
  readonly autoRemove?: boolean;
  readonly memoryBytes?: number;
  readonly nanoCpus?: number;
  readonly restart?: RestartPolicy;
  readonly engine?: JsonObject;
  readonly id?: ContainerId;
  readonly imageId?: Digest;
}

export const signalSchema = branded(parseSignalName, 'is no signal of Linux', { pattern: SIGNAL_PATTERN });

/** What every job of one container is sent, and what is added to it: the id, and the volumes in whose lines the job stands. */
export const onContainer = {
  container: z.string().min(1).max(200).describe('By its name, its id, or the beginning of its id'),
  id: setByStowage(branded(parseContainerId)),
  volumes: setByStowage(z.array(branded(parseVolumeName))),
};

export interface OnContainer {
  readonly container: string;
  readonly id?: ContainerId;
  readonly volumes?: readonly VolumeName[];
}

/** The mounts that are devices: each has one place in a line. */
export function deviceVolumes(mounts: readonly ContainerMount[]): readonly VolumeName[] {
  return [...new Set(mounts.filter(({ backing }) => backing === 'block').map(({ volume }) => volume))];
}
