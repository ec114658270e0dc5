import type { ContainerMount, ContainerRecord } from '../../core/container.ts';
import type { ImageRecord } from '../../core/image.ts';
import type { VolumeRecord } from '../../core/volume.ts';
import type { ImageIndex } from '../../jobs/image/naming.ts';
import { engineConfig, engineHostConfig } from './container-engine.ts';
import { exposedPorts, renderBindings, renderNetworkPorts, renderPorts } from './container-ports.ts';
import { dockerState, isAlive, statusText } from './container-state.ts';
import { HOST_DEFAULTS } from './host-defaults.ts';
import { renderEndpoints } from './network-view.ts';
import { DRIVER } from './volume-view.ts';

/** Go's zero time. */
const NEVER = '0001-01-01T00:00:00Z';
const PLATFORM = 'linux';

/** What a container's image is called: as it was asked for, while that still means it. */
function imageNameOf({ spec }: ContainerRecord, images: ImageIndex): string {
  try {
    return images.find(spec.imageName).image.record.name === spec.image ? spec.imageName : spec.image;
  } catch {
    return spec.image;
  }
}

function commandOf({ spec }: ContainerRecord): readonly string[] {
  return [...spec.entrypoint, ...spec.command];
}

export interface RowOptions {
  readonly images: ImageIndex;
  readonly nowMs: number;
  readonly minor: number;
  readonly withSize: boolean;
}

/** A row of `GET /containers/json`. */
export function renderRow(record: ContainerRecord, { images, nowMs, minor, withSize }: RowOptions): object {
  const { spec } = record;
  const image = images.images.find((each) => each.record.name === spec.image)?.record;
  return {
    Id: record.name,
    Names: [`/${record.called}`],
    Image: imageNameOf(record, images),
    ImageID: spec.image,
    ...(minor >= 48 && image !== undefined ? { ImageManifestDescriptor: descriptorOf(image) } : {}),
    Command: commandOf(record).join(' '),
    Created: Math.floor(Date.parse(record.createdAt) / 1_000),
    Ports: isAlive(record) ? renderPorts(record) : [],
    ...(withSize ? sizesOf(image) : {}),
    Labels: spec.labels,
    State: dockerState(record),
    Status: statusText(record, nowMs),
    HostConfig: { NetworkMode: spec.network },
    NetworkSettings: { Networks: renderEndpoints(record) },
    Mounts: spec.mounts.map((mount) => renderMount(mount)),
  };
}

/** How much of its own disk a container has written is not known; the disk is thin. */
function sizesOf(image: ImageRecord | undefined): object {
  return { SizeRw: 0, SizeRootFs: image?.sizeBytes ?? 0 };
}

function descriptorOf({ manifest }: ImageRecord): object {
  return { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.sizeBytes };
}

/** @param volume its record, where its place is to be shown */
function renderMount({ volume: name, destination, access, noCopy }: ContainerMount, volume?: VolumeRecord): object {
  const modes = [...(access === 'read-only' ? ['ro'] : []), ...(noCopy ? ['nocopy'] : [])];
  return {
    Type: 'volume',
    Name: name,
    Source: volume?.place?.disk?.path ?? volume?.place?.home ?? '',
    Destination: destination,
    Driver: DRIVER,
    Mode: modes.join(','),
    RW: access === 'read-write',
    Propagation: '',
  };
}

export interface InspectOptions {
  readonly image: ImageRecord | undefined;
  readonly volumes: ReadonlyMap<string, VolumeRecord>;
  /** The name of the host where it runs, or ran last. */
  readonly host: string | undefined;
  /** In its machine; 0: unknown. */
  readonly pid: number;
  readonly minor: number;
  readonly withSize: boolean;
}

/** The body of `GET /containers/{name}/json`. */
export function renderContainer(
  record: ContainerRecord,
  { image, volumes, host, pid, minor, withSize }: InspectOptions,
): object {
  const { spec, run, machine } = record;
  const [path = '', ...args] = commandOf(record);
  return {
    Id: record.name,
    Created: record.createdAt,
    Path: path,
    Args: args,
    State: stateOf(record, pid),
    Image: spec.image,
    ResolvConfPath: '',
    HostnamePath: '',
    HostsPath: '',
    LogPath: '',
    Name: `/${record.called}`,
    RestartCount: run.restarts,
    Driver: DRIVER,
    Platform: PLATFORM,
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: null,
    HostConfig: hostConfigOf(record),
    GraphDriver: { Name: DRIVER, Data: { Machine: machine?.vmxPath ?? '' } },
    ...(withSize ? sizesOf(image) : {}),
    ...(minor >= 48 && image !== undefined ? { ImageManifestDescriptor: descriptorOf(image) } : {}),
    Mounts: spec.mounts.map((mount) => renderMount(mount, volumes.get(mount.volume))),
    Config: configOf(record),
    NetworkSettings: networkSettingsOf(record),
    Stowage: {
      state: record.state,
      wanted: run.wanted,
      machine: machine?.ref ?? null,
      uuid: machine?.uuid ?? null,
      host: host ?? null,
      ...(record.recovery === undefined ? {} : { recovery: record.recovery }),
      ...(record.flag === undefined ? {} : { flag: { reason: record.flag.reason, since: record.flag.since } }),
    },
  };
}

function stateOf(record: ContainerRecord, pid: number): object {
  const state = dockerState(record);
  const { startedAt, finishedAt, exitCode } = record.run;
  return {
    Status: state,
    Running: isAlive(record),
    Paused: state === 'paused',
    Restarting: state === 'restarting',
    OOMKilled: false,
    Dead: state === 'dead',
    Pid: pid,
    ExitCode: exitCode ?? 0,
    Error: record.error ?? '',
    StartedAt: startedAt ?? NEVER,
    FinishedAt: finishedAt ?? NEVER,
  };
}

/** What was asked for, over dockerd's defaults, under what `docker update` changed since. */
function hostConfigOf(record: ContainerRecord): object {
  const { spec, settings } = record;
  const engine = engineHostConfig(spec);
  return {
    ...HOST_DEFAULTS,
    ...engine,
    Binds: engine['Binds'] ?? null,
    LogConfig: { ...logConfigOf(engine['LogConfig']), Type: HOST_DEFAULTS.LogConfig.Type },
    NetworkMode: spec.network,
    PortBindings: renderBindings(record),
    RestartPolicy: { Name: settings.restart.name, MaximumRetryCount: settings.restart.maxRetries },
    AutoRemove: spec.autoRemove,
    // What the CLI sends for "not given".
    MemorySwappiness: engine['MemorySwappiness'] === -1 ? null : (engine['MemorySwappiness'] ?? null),
    Memory: settings.memoryBytes,
    NanoCpus: settings.nanoCpus,
  };
}

function logConfigOf(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : HOST_DEFAULTS.LogConfig;
}

function configOf(record: ContainerRecord): object {
  const { spec } = record;
  const asked = engineConfig(spec);
  const exposed = exposedPorts(record);
  return {
    Hostname: spec.hostname,
    Domainname: spec.domainname,
    User: spec.user,
    AttachStdin: asked['AttachStdin'] ?? false,
    AttachStdout: asked['AttachStdout'] ?? false,
    AttachStderr: asked['AttachStderr'] ?? false,
    ...(exposed.length === 0 ? {} : { ExposedPorts: Object.fromEntries(exposed.map((port) => [port, {}])) }),
    Tty: spec.tty,
    OpenStdin: spec.openStdin,
    StdinOnce: asked['StdinOnce'] ?? false,
    Env: spec.env,
    Cmd: spec.command.length === 0 ? null : spec.command,
    ...(asked['Healthcheck'] === undefined ? {} : { Healthcheck: asked['Healthcheck'] }),
    Image: spec.imageName,
    Volumes: asked['Volumes'] ?? anonymousOf(spec.mounts),
    WorkingDir: spec.workingDir,
    Entrypoint: spec.entrypoint.length === 0 ? null : spec.entrypoint,
    OnBuild: null,
    Labels: spec.labels,
    StopSignal: spec.stopSignal,
    ...(asked['StopTimeout'] === undefined ? {} : { StopTimeout: spec.stopTimeoutSeconds }),
  };
}

/** Of a container that another face made. */
function anonymousOf(mounts: readonly ContainerMount[]): object | null {
  const paths = mounts.filter(({ anonymous }) => anonymous).map(({ destination }) => destination);
  return paths.length === 0 ? null : Object.fromEntries(paths.map((path) => [path, {}]));
}

function networkSettingsOf(record: ContainerRecord): object {
  return {
    Bridge: '',
    SandboxID: '',
    SandboxKey: '',
    Ports: isAlive(record) && record.spec.network !== 'none' ? renderNetworkPorts(record) : {},
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: '',
    Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    IPAddress: record.reach?.ip ?? '',
    IPPrefixLen: 0,
    IPv6Gateway: '',
    MacAddress: '',
    Networks: renderEndpoints(record),
  };
}
