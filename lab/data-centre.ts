import { globSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../platform/config.ts';
import type { ListenAddress } from '../platform/listen.ts';
import type { Logger } from '../platform/log.ts';
import type { Shutdown } from '../platform/shutdown.ts';
import { pushImage } from './images/push.ts';
import { imageCacheDir, LAB_SAMPLES, sampleImage } from './images/samples.ts';
import { buildGuest, type GuestBuild } from './guest.ts';
import { claimPortOrOther } from './ports.ts';
import { hasProgram } from './programs.ts';
import { startRedis } from './redis.ts';
import { type LabRegistry, startRegistry } from './registry.ts';
import { writeSecret } from './secret-file.ts';
import { LAB_IMAGE_STORE, LAB_VOLUME_STORES, startVcenter } from './vcenter.ts';

export interface LabSettings {
  readonly config: Config;
  readonly env: NodeJS.ProcessEnv;
  readonly root: string;
  readonly logger: Logger;
  readonly closing: Shutdown;
}

/** What the lab brought up, as settings of the product. */
export interface Lab {
  readonly settings: Readonly<Record<string, string>>;
  /** Absent when a vCenter was given. */
  readonly controlUrl?: string;
  /** Absent when a vCenter was given. */
  readonly registryUrl?: string;
  /** Its machines run. */
  readonly hasGuests?: boolean;
}

const PREFERRED_LISTEN: ListenAddress = { host: '127.0.0.1', port: 8989 };
const PREFERRED_REGISTRY_LISTEN: ListenAddress = { host: '127.0.0.1', port: 5000 };

/** Starts what the configuration does not name: Redis, vCenter and with it a registry, all or nothing of it. */
export async function startLab(settings: LabSettings): Promise<Lab> {
  const redis = settings.config.redis === undefined ? await startLabRedis(settings) : {};
  if (settings.config.vcenter !== undefined) return { settings: redis };
  const vcenter = await startLabVcenter(settings);
  const registry = await startLabRegistry(settings);
  return { ...vcenter, ...registry, settings: { ...redis, ...vcenter.settings, ...registry.settings } };
}

async function startLabRedis({ config, env, logger, closing }: LabSettings): Promise<Lab['settings']> {
  const dir = join(config.dataDir, 'redis');
  const redis = await startRedis({ dir, logger, env, isRestarted: true });
  closing.add('redis', () => redis.stop(), 20_000);
  const urlFile = join(dir, 'url');
  writeSecret(urlFile, redis.url);
  return { REDIS_URL_FILE: urlFile };
}

async function startLabVcenter({ config, env, root, logger, closing }: LabSettings): Promise<Lab> {
  const dir = join(config.dataDir, 'vcenter');
  const listen = config.labListen ?? (await claimPortOrOther(PREFERRED_LISTEN));
  const guest = config.labGuests ? await guestOf({ root, env, logger }) : undefined;
  const args = guest === undefined ? [] : ['-guest', guest, ...(await nfsArgs(env))];
  const vcenter = await startVcenter({ root, dir, listen, logger, env, isRestarted: true, args });
  closing.add('vcenter', () => vcenter.stop(), 20_000);
  const passwordFile = join(config.dataDir, 'vcenter-password');
  writeSecret(passwordFile, vcenter.password);
  return {
    controlUrl: vcenter.labUrl,
    hasGuests: guest !== undefined,
    settings: {
      VCENTER_URL: vcenter.url,
      VCENTER_USER: vcenter.user,
      VCENTER_PASSWORD_FILE: passwordFile,
      ...(vcenter.thumbprint === undefined ? {} : { VCENTER_THUMBPRINT: vcenter.thumbprint }),
      ...(config.volumeStores === undefined ? { STOWAGE_VOLUME_STORES: LAB_VOLUME_STORES } : {}),
    },
  };
}

/** What serves directories is a package of its own, nfs-ganesha-vfs: without it the server runs and has nothing. */
const NFS_MODULES = ['/usr/lib/*/ganesha/libfsalvfs.so', '/usr/lib*/ganesha/libfsalvfs.so'];

/** A server from which guests mount volumes on NFS: it takes root and a program that not every system has. */
async function nfsArgs(env: NodeJS.ProcessEnv): Promise<readonly string[]> {
  if (process.getuid?.() !== 0 || !hasProgram('ganesha.nfsd', env) || globSync(NFS_MODULES).length === 0) return [];
  // Two labs that start at once would take the same one for free, were it always the same.
  const { port } = await claimPortOrOther({ host: '127.0.0.1', port: 0 });
  return ['-nfs-port', String(port)];
}

/** Without it the lab is of use, too: for volumes and images, and for containers in which nothing runs. */
async function guestOf(build: GuestBuild): Promise<string | undefined> {
  try {
    return await buildGuest(build);
  } catch (error) {
    build.logger.warn({ err: error }, 'machines of containers will not run: STOWAGE_LAB_GUESTS=off says so at once');
    return undefined;
  }
}

/** What has Docker Hub's names comes from here: `busybox` without the internet. */
async function startLabRegistry({ config, env, root, logger, closing }: LabSettings): Promise<Lab> {
  const dir = join(config.dataDir, 'registry');
  const listen = config.labRegistryListen ?? (await claimPortOrOther(PREFERRED_REGISTRY_LISTEN));
  const registry = await startRegistry({ dir, listen, logger, env, isRestarted: true });
  closing.add('registry', () => registry.stop(), 20_000);
  try {
    await pushSamples(registry, imageCacheDir(root), closing.signal);
  } catch (error) {
    closing.signal.throwIfAborted();
    // Volumes are of use without images, and other images can be pushed to it.
    logger.warn({ err: error }, 'the registry lacks the sample images');
  }
  return {
    registryUrl: registry.url,
    settings: {
      ...(env['STOWAGE_REGISTRY_MIRRORS'] ? {} : { STOWAGE_REGISTRY_MIRRORS: `docker.io=${registry.url}` }),
      ...(env['STOWAGE_IMAGE_STORE'] ? {} : { STOWAGE_IMAGE_STORE: LAB_IMAGE_STORE }),
    },
  };
}

async function pushSamples(registry: LabRegistry, cacheDir: string, signal: AbortSignal): Promise<void> {
  for (const sample of LAB_SAMPLES) {
    const { name, tag, image } = await sampleImage(sample, { cacheDir });
    await pushImage({ registryUrl: registry.url, name, tag, image, signal });
  }
}
