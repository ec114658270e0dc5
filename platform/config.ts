import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { ConfigError, type Environment, faultOf, type ReadText, readTextFile, valuesOf } from './environment.ts';
import { formatListen, type ListenAddress } from './listen.ts';
import { oidcOf } from './oidc-config.ts';
import type { OidcConfig } from './oidc-settings.ts';
import type { RedisAddress } from './redis-url.ts';
import type { Secret } from './secret.ts';
import type { Mirrors, NamePatterns, PlatformSetting, SubjectRoles } from './registry-values.ts';
import type { LogLevel, SettingName, SettingValues } from './settings.ts';
import type { VolumeStoreSetting } from './volume-stores.ts';

export interface VcenterConfig {
  readonly url: string;
  readonly user: string;
  readonly password: Secret;
  readonly caFile?: string;
  /** SHA-256 of the certificate: 64 hexadecimal digits in lower case. */
  readonly thumbprint?: string;
  readonly datacenter?: string;
  readonly connections: number;
}

/** Where the Docker face has its certificate, and whose clients it takes. */
export interface DockerTlsConfig {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

export interface ImageConfig {
  /** Absent when neither `STOWAGE_IMAGE_STORE` nor a default volume store on a datastore is set. */
  readonly store?: { readonly datastore: string; readonly root: string };
  readonly platform: PlatformSetting;
  readonly maxLayerBytes: number;
  /** Layers at once: in this process, and from one registry. */
  readonly pulls: number;
  readonly pullsPerRegistry: number;
  readonly spoolDir: string;
  /** Absent: beside the sources. */
  readonly layerdisk?: string;
  readonly mover?: string;
}

/** Where machines of containers live, and what they get when nobody says. Sizes in bytes. */
export interface ContainerConfig {
  readonly folder: string;
  readonly pool: string;
  readonly cluster?: string;
  readonly store: { readonly datastore: string; readonly root: string };
  readonly network: string;
  readonly scratchBytes: number;
  readonly memoryBytes: number;
  readonly cpus: number;
  /** What their machines boot. */
  readonly guestImage?: { readonly datastore: string; readonly root: string };
}

/** What gateways, and those who use them, need to know. */
export interface GatewayConfig {
  readonly key: Secret;
  /** What the hosts of machines dial: `tcp://host:port`. */
  readonly uri: string;
  /** How long a guest may take until it is heard. */
  readonly guestWaitMs: number;
  /** Absent: of the address at which the face listens. */
  readonly faceUrl?: string;
  /** Of the logs. */
  readonly dir: string;
  readonly maxLogBytes: number;
}

/** How patient recovery is. */
export interface RecoveryConfig {
  readonly graceMs: number;
  readonly haWaitMs: number;
  readonly roomWaitMs: number;
}

/** Where webhooks may go: see core/webhook-target.ts. */
export interface WebhookConfig {
  readonly allowPrivate: readonly string[] | '*';
  readonly allowHttp: boolean;
  readonly caFile?: string;
}

/** What browsers are served. */
export interface WebConfig {
  /** Scheme, host and port that people use. */
  readonly publicUrl?: string;
  readonly trustedProxies: readonly string[];
  /** With `{traceId}` in it. */
  readonly traceUrl?: string;
  readonly isQueuesWritable: boolean;
}

export interface RegistryConfig {
  readonly mirrors: Mirrors;
  readonly insecure: NamePatterns;
  /** Empty: all. */
  readonly allowed: NamePatterns;
  readonly certsDir?: string;
  readonly authFile?: string;
}

export interface Config {
  /** Absent when `VCENTER_URL` is not set: the lab brings its own. */
  readonly vcenter?: VcenterConfig;
  /** Absent when `REDIS_URL` is not set. */
  readonly redis?: RedisAddress;
  /** Absent when `STOWAGE_VOLUME_STORES` is not set. */
  readonly volumeStores?: readonly VolumeStoreSetting[];
  readonly restListen: ListenAddress;
  readonly dockerListen: ListenAddress;
  /** Absent: plain HTTP. */
  readonly dockerTls?: DockerTlsConfig;
  readonly dockerRoles: SubjectRoles;
  readonly images: ImageConfig;
  /** Absent when there is no place for images: without images there are no containers. */
  readonly containers?: ContainerConfig;
  /** Absent without a gateway key: containers are machines without an agent in them. */
  readonly gateway?: GatewayConfig;
  readonly recovery: RecoveryConfig;
  readonly registries: RegistryConfig;
  readonly webhooks: WebhookConfig;
  readonly web: WebConfig;
  /** Absent: people sign in with API keys. */
  readonly oidc?: OidcConfig;
  readonly labListen?: ListenAddress;
  readonly labRegistryListen?: ListenAddress;
  readonly labGuests: boolean;
  readonly workerListen: ListenAddress;
  /** For guests, and for api and workers. */
  readonly gatewayListen: ListenAddress;
  readonly gatewayFaceListen: ListenAddress;
  readonly dataDir: string;
  readonly apiKey?: Secret;
  readonly workerConcurrency: number;
  readonly workers: number;
  readonly lockMs: number;
  readonly reconcileIntervalMs: number;
  readonly historyJobs: number;
  readonly logLevel: LogLevel;
  readonly redisPrefix: string;
}

/** What `api` and `workers` run with: nothing that they depend on is absent. */
export interface ServiceConfig extends Config {
  readonly vcenter: VcenterConfig;
  readonly redis: RedisAddress;
  readonly volumeStores: readonly VolumeStoreSetting[];
}

const SERVICE_NEEDS: readonly SettingName[] = [
  'VCENTER_URL',
  'VCENTER_USER',
  'VCENTER_PASSWORD',
  'REDIS_URL',
  'STOWAGE_VOLUME_STORES',
];
const GATEWAY_NEEDS: readonly SettingName[] = ['REDIS_URL', 'STOWAGE_GATEWAY_KEY'];
const VCENTER_NEEDS: readonly SettingName[] = ['VCENTER_USER', 'VCENTER_PASSWORD', 'STOWAGE_VOLUME_STORES'];
/**
 * The configuration that an environment describes. A variable that is empty counts as absent.
 *
 * @param readText reads the files that `…_FILE` variables name
 * @throws {ConfigError} with every fault
 */
export function readConfig(env: Environment, readText: ReadText = readTextFile): Config {
  return assemble(valuesOf(env, readText, env['VCENTER_URL'] ? VCENTER_NEEDS : []), env);
}

/** As `readConfig`, and faults name what a service cannot run without. */
export function readServiceConfig(env: Environment, readText: ReadText = readTextFile): ServiceConfig {
  const { vcenter, redis, volumeStores, ...rest } = assemble(valuesOf(env, readText, SERVICE_NEEDS), env);
  if (vcenter === undefined || redis === undefined || volumeStores === undefined) throw new ConfigError([]);
  return { ...rest, vcenter, redis, volumeStores };
}

/** As `readConfig`, and faults name what a gateway cannot run without. */
export function readGatewayConfig(
  env: Environment,
  readText: ReadText = readTextFile,
): Config & { readonly redis: RedisAddress; readonly gateway: GatewayConfig } {
  const { redis, gateway, ...rest } = assemble(valuesOf(env, readText, GATEWAY_NEEDS), env);
  if (redis === undefined || gateway === undefined) throw new ConfigError([]);
  return { ...rest, redis, gateway };
}

const TLS_SETTINGS = ['STOWAGE_DOCKER_CERT_FILE', 'STOWAGE_DOCKER_KEY_FILE', 'STOWAGE_DOCKER_CA_FILE'] as const;

/** All three or none. */
function dockerTlsOf(values: SettingValues): DockerTlsConfig | undefined {
  const {
    STOWAGE_DOCKER_CERT_FILE: certFile,
    STOWAGE_DOCKER_KEY_FILE: keyFile,
    STOWAGE_DOCKER_CA_FILE: caFile,
  } = values;
  if (certFile !== undefined && keyFile !== undefined && caFile !== undefined) return { certFile, keyFile, caFile };
  const isSet = (name: (typeof TLS_SETTINGS)[number]): boolean => values[name] !== undefined;
  if (!TLS_SETTINGS.some(isSet)) return undefined;
  const missing = TLS_SETTINGS.filter((name) => !isSet(name));
  throw new ConfigError(missing.map((name) => faultOf(name, 'is not set, and the Docker API by TLS needs it')));
}

function imagesOf(values: SettingValues, dataDir: string): ImageConfig {
  const fallback = values.STOWAGE_VOLUME_STORES?.find((store) => store.name === 'default');
  const store =
    values.STOWAGE_IMAGE_STORE ??
    (fallback?.target.type === 'datastore' ? { datastore: fallback.target.name, root: fallback.root } : undefined);
  return {
    ...present({ store, layerdisk: values.STOWAGE_LAYERDISK, mover: values.STOWAGE_MOVER }),
    platform: values.STOWAGE_PLATFORM,
    maxLayerBytes: values.STOWAGE_MAX_LAYER_SIZE,
    pulls: values.STOWAGE_PULLS,
    pullsPerRegistry: values.STOWAGE_PULLS_PER_REGISTRY,
    spoolDir: resolve(values.STOWAGE_SPOOL_DIR ?? join(dataDir, 'spool')),
  };
}

function containersOf(values: SettingValues, images: ImageConfig): ContainerConfig | undefined {
  const store = values.STOWAGE_CONTAINER_STORE ?? images.store;
  if (store === undefined) return undefined;
  return {
    folder: values.STOWAGE_CONTAINER_FOLDER,
    pool: values.STOWAGE_CONTAINER_POOL,
    ...present({ cluster: values.VCENTER_CLUSTER, guestImage: values.STOWAGE_GUEST_IMAGE }),
    store,
    network: values.STOWAGE_CONTAINER_NETWORK,
    scratchBytes: values.STOWAGE_CONTAINER_SCRATCH,
    memoryBytes: values.STOWAGE_CONTAINER_MEMORY,
    cpus: values.STOWAGE_CONTAINER_CPUS,
  };
}

function gatewayOf(values: SettingValues, dataDir: string): GatewayConfig | undefined {
  const { STOWAGE_GATEWAY_KEY: key, STOWAGE_GATEWAY_LISTEN: listen } = values;
  if (key === undefined) return undefined;
  return {
    key,
    uri: values.STOWAGE_GATEWAY_URI ?? `tcp://${formatListen(listen)}`,
    guestWaitMs: values.STOWAGE_GUEST_WAIT * 1_000,
    ...present({ faceUrl: values.STOWAGE_GATEWAY_FACE_URL }),
    dir: resolve(values.STOWAGE_GATEWAY_DIR ?? join(dataDir, 'gateway')),
    maxLogBytes: values.STOWAGE_LOG_MAX_BYTES,
  };
}

function registriesOf(values: SettingValues): RegistryConfig {
  return {
    mirrors: values.STOWAGE_REGISTRY_MIRRORS,
    insecure: values.STOWAGE_REGISTRY_INSECURE,
    allowed: values.STOWAGE_REGISTRY_ALLOWED,
    ...present({ certsDir: values.STOWAGE_REGISTRY_CERTS_DIR, authFile: values.STOWAGE_REGISTRY_AUTH_FILE }),
  };
}

function assemble(values: SettingValues, env: Environment): Config {
  const dataDir = resolve(values.STOWAGE_DATA_DIR ?? defaultDataDir(env));
  const { VCENTER_URL: url, VCENTER_USER: user, VCENTER_PASSWORD: password } = values;
  const vcenter: VcenterConfig | undefined =
    url === undefined || user === undefined || password === undefined
      ? undefined
      : {
          url,
          user,
          password,
          connections: values.STOWAGE_VCENTER_CONNECTIONS,
          ...present({
            caFile: values.VCENTER_CA_FILE,
            thumbprint: values.VCENTER_THUMBPRINT,
            datacenter: values.VCENTER_DATACENTER,
          }),
        };
  const images = imagesOf(values, dataDir);
  return {
    ...present({
      containers: containersOf(values, images),
      gateway: gatewayOf(values, dataDir),
      vcenter,
      redis: values.REDIS_URL,
      volumeStores: values.STOWAGE_VOLUME_STORES,
      labListen: values.STOWAGE_LAB_LISTEN,
      labRegistryListen: values.STOWAGE_LAB_REGISTRY_LISTEN,
      apiKey: values.STOWAGE_API_KEY,
      dockerTls: dockerTlsOf(values),
      oidc: oidcOf(values),
    }),
    labGuests: values.STOWAGE_LAB_GUESTS,
    dockerRoles: values.STOWAGE_DOCKER_ROLES,
    images,
    recovery: {
      graceMs: values.STOWAGE_HOST_GRACE_MS,
      haWaitMs: values.STOWAGE_HA_WAIT * 1_000,
      roomWaitMs: values.STOWAGE_ROOM_WAIT * 1_000,
    },
    registries: registriesOf(values),
    webhooks: {
      allowPrivate: values.STOWAGE_WEBHOOK_ALLOW_PRIVATE ?? [],
      allowHttp: values.STOWAGE_WEBHOOK_ALLOW_HTTP,
      ...present({ caFile: values.STOWAGE_WEBHOOK_CA_FILE }),
    },
    web: {
      ...present({ publicUrl: values.STOWAGE_PUBLIC_URL, traceUrl: values.STOWAGE_TRACE_URL }),
      trustedProxies: values.STOWAGE_TRUSTED_PROXIES,
      isQueuesWritable: values.STOWAGE_QUEUES_WRITABLE,
    },
    restListen: values.STOWAGE_REST_LISTEN,
    dockerListen: values.STOWAGE_DOCKER_LISTEN,
    workerListen: values.STOWAGE_WORKER_LISTEN,
    gatewayListen: values.STOWAGE_GATEWAY_LISTEN,
    gatewayFaceListen: values.STOWAGE_GATEWAY_FACE_LISTEN,
    dataDir,
    workerConcurrency: values.STOWAGE_WORKER_CONCURRENCY,
    workers: values.STOWAGE_WORKERS,
    lockMs: values.STOWAGE_LOCK_MS,
    reconcileIntervalMs: values.STOWAGE_RECONCILE_INTERVAL_MS,
    historyJobs: values.STOWAGE_HISTORY_JOBS,
    logLevel: values.STOWAGE_LOG_LEVEL,
    redisPrefix: values.STOWAGE_REDIS_PREFIX,
  };
}

function defaultDataDir(env: Environment): string {
  const dataHome = env['XDG_DATA_HOME'];
  // The XDG specification: a relative path is invalid and to be ignored.
  if (dataHome && isAbsolute(dataHome)) return join(dataHome, 'stowage');
  return join(env['HOME'] || homedir(), '.local', 'share', 'stowage');
}

function present<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
