import { z } from 'zod';
import {
  CONTAINER_KEYS,
  type ContainerDocument,
  type ContainerRecord,
  type ContainerStatus,
  NETWORK_MODES,
} from '../../core/container.ts';
import { parseContainerId, parseContainerName, parseJobId, parseVolumeName } from '../../core/ids.ts';
import type { Machine } from '../../core/ports/machines.ts';
import { parseDigest } from '../../core/reference.ts';
import { ACCESS_MODES } from '../../core/volume.ts';
import { branded } from '../branded.ts';
import { restartSchema } from './payloads.ts';

// A container's truth, in its machine's extraConfig: the document is written when the machine is made, the status at each start and stop.

const strings = z.array(z.string());
const mount = z.object({
  volume: branded(parseVolumeName),
  destination: z.string(),
  access: z.enum(ACCESS_MODES),
  anonymous: z.boolean(),
  noCopy: z.boolean(),
  backing: z.enum(['block', 'files']),
});
const spec = z.object({
  image: branded(parseDigest),
  imageName: z.string(),
  entrypoint: strings,
  command: strings,
  env: strings,
  workingDir: z.string(),
  user: z.string(),
  hostname: z.string(),
  domainname: z.string(),
  labels: z.record(z.string(), z.string()),
  tty: z.boolean(),
  openStdin: z.boolean(),
  stopSignal: z.string(),
  stopTimeoutSeconds: z.number(),
  network: z.enum(NETWORK_MODES),
  ports: z.array(
    z.object({
      containerPort: z.number(),
      protocol: z.enum(['tcp', 'udp', 'sctp']),
      hostIp: z.string(),
      hostPort: z.number(),
    }),
  ),
  mounts: z.array(mount),
  autoRemove: z.boolean(),
  engine: z.record(z.string(), z.json()).optional(),
});
const documentSchema = z.object({
  stowage: z.literal(1),
  id: branded(parseContainerId),
  spec,
  createdAt: z.string(),
  job: branded(parseJobId),
});
const statusSchema = z.object({
  called: branded(parseContainerName),
  settings: z.object({ memoryBytes: z.number(), nanoCpus: z.number(), restart: restartSchema }),
  run: z.object({
    wanted: z.enum(['running', 'stopped']),
    startedAt: z.string().optional(),
    finishedAt: z.string().optional(),
    exitCode: z.number().optional(),
    restarts: z.number(),
    pauseMs: z.number().optional(),
  }),
});

function decode<T>(schema: z.ZodType<T>, text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    const parsed = schema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** undefined: the machine is no container's, or somebody has damaged its configuration. */
export function readContainer(
  extraConfig: Machine['extraConfig'],
): { readonly document: ContainerDocument; readonly status: ContainerStatus } | undefined {
  const document = decode(
    documentSchema as unknown as z.ZodType<ContainerDocument>,
    extraConfig[CONTAINER_KEYS.document],
  );
  const status = decode(statusSchema as unknown as z.ZodType<ContainerStatus>, extraConfig[CONTAINER_KEYS.status]);
  return document === undefined || status === undefined ? undefined : { document, status };
}

export function encodeContainer(document: ContainerDocument): string {
  return JSON.stringify(document);
}

export function encodeStatus({ called, settings, run }: Pick<ContainerRecord, 'called' | 'settings' | 'run'>): string {
  return JSON.stringify({ called, settings, run } satisfies ContainerStatus);
}

/** Why the guest could not start the process; undefined: it could, or has not tried yet. */
export function failureIn(extraConfig: Machine['extraConfig']): string | undefined {
  return extraConfig[CONTAINER_KEYS.failure] || undefined;
}

/** What the guest said when it ended; undefined: it said nothing. */
export function exitCodeIn(extraConfig: Machine['extraConfig']): number | undefined {
  const text = extraConfig[CONTAINER_KEYS.exit];
  return text !== undefined && /^\d{1,3}$/.test(text) ? Number(text) : undefined;
}
