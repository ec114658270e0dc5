import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { ListenAddress } from './listen.ts';
import type { RedisAddress } from './redis-url.ts';
import type { Secret } from './secret.ts';
import type { Mirrors, NamePatterns, PlatformSetting, SubjectRoles } from './registry-values.ts';
import type { Setting } from './setting.ts';
import { type LogLevel, SETTINGS, type SettingName, type SettingValues } from './settings.ts';
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
  readonly registries: RegistryConfig;
  readonly labListen?: ListenAddress;
  readonly labRegistryListen?: ListenAddress;
  readonly workerListen: ListenAddress;
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

export interface ConfigFault {
  readonly name: string;
  readonly problem: string;
  readonly example?: string;
}

/** All that is wrong with the environment, in one message; no value of a secret is in it. */
export class ConfigError extends Error {
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    const lines = faults.map(
      ({ name, problem, example }) =>
        `  ${name} ${problem}${example === undefined ? '' : `\n      example: ${name}='${example}'`}`,
    );
    super(`The configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${lines.join('\n')}`);
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;
type ReadText = (path: string) => string;

const SERVICE_NEEDS: readonly SettingName[] = [
  'VCENTER_URL',
  'VCENTER_USER',
  'VCENTER_PASSWORD',
  'REDIS_URL',
  'STOWAGE_VOLUME_STORES',
];
const VCENTER_NEEDS: readonly SettingName[] = ['VCENTER_USER', 'VCENTER_PASSWORD', 'STOWAGE_VOLUME_STORES'];
const MOST_TYPOS = 4;
/** Kubernetes puts these beside any service named `stowage`: they are not typing errors. */
const SERVICE_LINK = /^STOWAGE_(?:\w+_)?(?:SERVICE_(?:HOST|PORT)(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP)\w*)?)$/;

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

function readTextFile(path: string): string {
  return readFileSync(path, 'utf8');
}

function valuesOf(env: Environment, readText: ReadText, needs: readonly SettingName[]): SettingValues {
  const faults: ConfigFault[] = unknownNames(env);
  const values: Partial<Record<SettingName, unknown>> = {};
  for (const [name, setting] of settings()) {
    const read = readSetting({ name, setting, env, readText });
    if ('fault' in read) faults.push(read.fault);
    else if (read.value !== undefined) values[name] = read.value;
    else if (needs.includes(name)) faults.push(faultOf(name, 'is not set'));
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return values as SettingValues;
}

interface Reading {
  readonly name: SettingName;
  readonly setting: Setting;
  readonly env: Environment;
  readonly readText: ReadText;
}

function readSetting({ name, setting, env, readText }: Reading): { value: unknown } | { fault: ConfigFault } {
  const fileName = `${name}_FILE`;
  const file = setting.mayBeFile ? env[fileName] : undefined;
  let text = env[name] || undefined;
  if (file && text) return { fault: faultOf(name, `and ${fileName} are both set: leave one of them out`) };
  if (file) {
    const read = readNamed(fileName, file, readText);
    if ('fault' in read) return read;
    text = read.text.trim();
  }
  text ??= setting.fallback;
  if (text === undefined) return { value: undefined };
  const result = setting.schema.safeParse(text.trim());
  if (result.success) {
    const fault = setting.isCertificate ? certificateFault(name, text.trim(), readText) : undefined;
    return fault === undefined ? { value: result.data } : { fault };
  }
  const problem = result.error.issues.map((issue) => issue.message).join('; ');
  const shown = setting.isSecret ? '' : `, and is ${JSON.stringify(text.replace(/\/\/[^@]*@/, '//[secret]@'))}`;
  return { fault: faultOf(file ? fileName : name, `${problem}${shown}`, setting.example) };
}

function readNamed(name: string, file: string, readText: ReadText): { text: string } | { fault: ConfigFault } {
  try {
    return { text: readText(file) };
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    return { fault: { name, problem: `names a file that cannot be read: ${file} (${reason})` } };
  }
}

function certificateFault(name: string, file: string, readText: ReadText): ConfigFault | undefined {
  const read = readNamed(name, file, readText);
  if ('fault' in read) return read.fault;
  if (read.text.includes('-----BEGIN CERTIFICATE-----')) return undefined;
  return { name, problem: `names a file without a PEM certificate: ${file}` };
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
    ...present({ store, layerdisk: values.STOWAGE_LAYERDISK }),
    platform: values.STOWAGE_PLATFORM,
    maxLayerBytes: values.STOWAGE_MAX_LAYER_SIZE,
    pulls: values.STOWAGE_PULLS,
    pullsPerRegistry: values.STOWAGE_PULLS_PER_REGISTRY,
    spoolDir: resolve(values.STOWAGE_SPOOL_DIR ?? join(dataDir, 'spool')),
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
  return {
    ...present({
      vcenter,
      redis: values.REDIS_URL,
      volumeStores: values.STOWAGE_VOLUME_STORES,
      labListen: values.STOWAGE_LAB_LISTEN,
      labRegistryListen: values.STOWAGE_LAB_REGISTRY_LISTEN,
      apiKey: values.STOWAGE_API_KEY,
      dockerTls: dockerTlsOf(values),
    }),
    dockerRoles: values.STOWAGE_DOCKER_ROLES,
    images: imagesOf(values, dataDir),
    registries: registriesOf(values),
    restListen: values.STOWAGE_REST_LISTEN,
    dockerListen: values.STOWAGE_DOCKER_LISTEN,
    workerListen: values.STOWAGE_WORKER_LISTEN,
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

function settings(): readonly (readonly [SettingName, Setting])[] {
  return Object.entries(SETTINGS) as [SettingName, Setting][];
}

function faultOf(name: string, problem: string, example?: string): ConfigFault {
  const known = settings().find(([each]) => each === name);
  const shown = example ?? known?.[1].example;
  return { name, problem, ...(shown === undefined ? {} : { example: shown }) };
}

/** The names that the environment may have, `…_FILE` included. */
function settingNames(): readonly string[] {
  return settings().flatMap(([name, setting]) => (setting.mayBeFile ? [name, `${name}_FILE`] : [name]));
}

function unknownNames(env: Environment): ConfigFault[] {
  const known = settingNames();
  return Object.keys(env)
    .filter((name) => name.startsWith('STOWAGE_') && env[name] && !known.includes(name) && !SERVICE_LINK.test(name))
    .map((name) => ({ name, problem: `is not a setting${suggestion(name, known)}` }));
}

function suggestion(name: string, known: readonly string[]): string {
  const ranked = known
    .map((other) => ({ other, distance: editDistance(name, other) }))
    .sort((a, b) => a.distance - b.distance);
  const [nearest] = ranked;
  return nearest !== undefined && nearest.distance <= MOST_TYPOS ? `; did you mean ${nearest.other}?` : '';
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, charA] of a.split('').entries()) {
    const next = [i + 1];
    for (const [j, charB] of b.split('').entries()) {
      const replaced = (row[j] ?? 0) + (charA === charB ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
