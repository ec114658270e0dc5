import { z } from 'zod';
import type {
  ContainerMount,
  ContainerSettings,
  ContainerSpec,
  ContainerWorld,
  NetworkMode,
} from '../../core/container.ts';
import type { ContainerId } from '../../core/ids.ts';
import type { ImageRecord } from '../../core/image.ts';
import type { MachineSize } from '../../core/ports/machines.ts';
import type { CreatePayload } from './payloads.ts';

// From what a creation asks for, and what the image says, to what the container is. Pure.

const MIB = 1_048_576;
const NANO = 1_000_000_000;
/** Less does not boot; what the container itself may use is held to its limit by the guest. */
const GUEST_MIB = 128;
const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const DEFAULT_STOP_SIGNAL = 'SIGTERM';
/** Docker's. */
const DEFAULT_STOP_SECONDS = 10;

const texts = z.array(z.string()).nullish().catch(undefined);
const text = z.string().optional().catch(undefined);
const imageConfig = z
  .object({
    Entrypoint: texts,
    Cmd: texts,
    Env: texts,
    WorkingDir: text,
    User: text,
    StopSignal: text,
    Labels: z.record(z.string(), z.string()).nullish().catch(undefined),
    Volumes: z.record(z.string(), z.unknown()).nullish().catch(undefined),
  })
  .catch({});

/** What an image says of containers made of it (OCI image-spec, config.md). Whatever is not of its form is left out. */
function configOf(image: ImageRecord) {
  return imageConfig.parse(image.config['config'] ?? {});
}

/** Paths for which the image wants a volume. */
export function volumePathsOf(image: ImageRecord): readonly string[] {
  return Object.keys(configOf(image).Volumes ?? {})
    .map((path) => path.replaceAll(/\/+/g, '/').replace(/(?<=.)\/$/, ''))
    .filter((path) => /^\/./.test(path));
}

/** `NAME=value` replaces, `NAME` alone removes. */
function mergeEnv(base: readonly string[], over: readonly string[]): readonly string[] {
  const byName = new Map<string, string>();
  const nameOf = (entry: string): string => entry.split('=', 1)[0] ?? '';
  for (const entry of [...base, ...over]) {
    if (entry.includes('=')) byName.set(nameOf(entry), entry);
    else byName.delete(nameOf(entry));
  }
  return [...byName.values()];
}

export function specOf(
  payload: CreatePayload & { readonly id: ContainerId },
  image: ImageRecord,
  mounts: readonly ContainerMount[],
): ContainerSpec {
  const config = configOf(image);
  const ownsEntrypoint = payload.entrypoint !== undefined;
  const network: NetworkMode = payload.network ?? 'bridge';
  return {
    image: image.name,
    imageName: payload.image,
    entrypoint: payload.entrypoint ?? config.Entrypoint ?? [],
    // As Docker does: another entrypoint takes the image's command away.
    command: payload.command ?? (ownsEntrypoint ? [] : (config.Cmd ?? [])),
    env: mergeEnv([DEFAULT_PATH, ...(config.Env ?? [])], payload.env ?? []),
    workingDir: payload.workingDir || config.WorkingDir || '/',
    user: payload.user || config.User || '',
    hostname: payload.hostname || payload.id.slice(0, 12),
    domainname: payload.domainname ?? '',
    labels: { ...config.Labels, ...payload.labels },
    tty: payload.tty ?? false,
    openStdin: payload.openStdin ?? false,
    stopSignal: payload.stopSignal || config.StopSignal || DEFAULT_STOP_SIGNAL,
    stopTimeoutSeconds: payload.stopTimeoutSeconds ?? DEFAULT_STOP_SECONDS,
    network,
    ports: payload.ports ?? [],
    mounts,
    autoRemove: payload.autoRemove ?? false,
    ...(payload.engine === undefined ? {} : { engine: payload.engine }),
  };
}

/** 0 stays 0: what the configuration gives may change later. */
export function settingsOf(payload: Pick<CreatePayload, 'memoryBytes' | 'nanoCpus' | 'restart'>): ContainerSettings {
  return {
    memoryBytes: payload.memoryBytes ?? 0,
    nanoCpus: payload.nanoCpus ?? 0,
    restart: payload.restart ?? { name: 'no', maxRetries: 0 },
  };
}

/**
 * vSphere's units: whole CPUs with a limit for what is left over, memory in steps of 4 MiB.
 * @param coreMhz of the hosts' cores; without it there is no limit
 */
export function sizeOf(settings: ContainerSettings, world: ContainerWorld, coreMhz: number | undefined): MachineSize {
  const memoryBytes = settings.memoryBytes === 0 ? world.memoryBytes : settings.memoryBytes;
  const cpus = settings.nanoCpus === 0 ? world.cpus : Math.ceil(settings.nanoCpus / NANO);
  const isLimited = coreMhz !== undefined && settings.nanoCpus % NANO !== 0;
  return {
    cpus,
    memoryMib: Math.max(world.guest === undefined ? 0 : GUEST_MIB, Math.ceil(memoryBytes / MIB / 4) * 4),
    ...(isLimited ? { cpuLimitMhz: Math.max(1, Math.round((settings.nanoCpus / NANO) * coreMhz)) } : {}),
  };
}
