import { StowageError } from '../../core/errors.ts';
import { type CreateBody, isEmptyValue } from './container-body.ts';
import { isOwnDriver } from './volume-view.ts';

// What becomes of each option of `docker run` that Stowage does not carry out. Nothing is left out in silence.

/**
 * later: kept and shown; it is the business of what runs inside of the machine, which does not apply it yet. discarded: Docker itself goes
 * on without it where the kernel cannot do it. refused: the container would not be what was asked for.
 */
type Fate = 'later' | 'discarded' | 'refused';

export interface Option {
  /** As the CLI has it. */
  readonly flags: string;
  readonly fate: Fate;
  /** Members of HostConfig, or of the body itself with a leading dot. */
  readonly members: readonly string[];
  /** What to do instead, or why. */
  readonly text?: string;
  /** Values that ask for nothing beside the empty ones. */
  readonly usual?: readonly unknown[];
}

const OWN_MACHINE = 'a container is a virtual machine of its own, and shares nothing with others or with a host';
const USE_CPUS = 'use --cpus';

export const OPTIONS: readonly Option[] = [
  { flags: '--init', fate: 'later', members: ['Init'] },
  { flags: '--oom-score-adj', fate: 'later', members: ['OomScoreAdj'] },
  { flags: '--security-opt systempaths', fate: 'later', members: ['MaskedPaths', 'ReadonlyPaths'] },
  { flags: '--health-cmd and its like', fate: 'later', members: ['.Healthcheck'] },
  { flags: '--log-opt', fate: 'later', members: ['LogConfig.Config'] },
  { flags: '--cpu-shares', fate: 'discarded', members: ['CpuShares'], text: USE_CPUS },
  { flags: '--cpu-period, --cpu-quota', fate: 'discarded', members: ['CpuPeriod', 'CpuQuota'], text: USE_CPUS },
  {
    flags: '--cpu-rt-period, --cpu-rt-runtime',
    fate: 'discarded',
    members: ['CpuRealtimePeriod', 'CpuRealtimeRuntime'],
    text: USE_CPUS,
  },
  { flags: '--cpuset-cpus, --cpuset-mems', fate: 'discarded', members: ['CpusetCpus', 'CpusetMems'], text: USE_CPUS },
  {
    flags: '--memory-reservation',
    fate: 'discarded',
    members: ['MemoryReservation'],
    text: 'use --memory',
  },
  {
    flags: '--memory-swap, --memory-swappiness',
    fate: 'discarded',
    members: ['MemorySwap', 'MemorySwappiness'],
    text: 'machines have no swap',
    usual: [-1],
  },
  { flags: '--kernel-memory', fate: 'discarded', members: ['KernelMemory', 'KernelMemoryTCP'], text: 'use --memory' },
  { flags: '--oom-kill-disable', fate: 'discarded', members: ['OomKillDisable'], text: 'use --memory' },
  {
    flags: '--blkio-weight, --device-read-bps and their like',
    fate: 'discarded',
    members: [
      'BlkioWeight',
      'BlkioWeightDevice',
      'BlkioDeviceReadBps',
      'BlkioDeviceWriteBps',
      'BlkioDeviceReadIOps',
      'BlkioDeviceWriteIOps',
    ],
    text: 'see storage policies of vSphere',
  },
  { flags: '--cgroup-parent', fate: 'discarded', members: ['CgroupParent', 'Cgroup'], text: OWN_MACHINE },
  {
    flags: '--device, --device-cgroup-rule, --gpus',
    fate: 'refused',
    members: ['Devices', 'DeviceCgroupRules', 'DeviceRequests'],
    text: `devices of a host cannot be given to a container: ${OWN_MACHINE}; for data, use a volume`,
  },
  {
    flags: '--link',
    fate: 'refused',
    members: ['Links'],
    text: 'links are not supported: give the address in an environment variable (-e)',
  },
  {
    flags: '--pid, --ipc, --uts, --cgroupns',
    fate: 'refused',
    members: ['PidMode', 'IpcMode', 'UTSMode', 'CgroupnsMode'],
    text: OWN_MACHINE,
    usual: ['private', 'shareable', 'none'],
  },
  { flags: '--userns', fate: 'refused', members: ['UsernsMode'], text: OWN_MACHINE, usual: ['host'] },
  { flags: '--isolation', fate: 'refused', members: ['Isolation'], text: 'is of Windows', usual: ['default'] },
  {
    flags: '--storage-opt',
    fate: 'refused',
    members: ['StorageOpt'],
    text: 'the size of a container is in the configuration (STOWAGE_CONTAINER_SCRATCH); for more space, use a volume',
  },
  {
    flags: '--io-maxiops and its like',
    fate: 'refused',
    members: ['CpuCount', 'CpuPercent', 'IOMaximumIOps', 'IOMaximumBandwidth'],
    text: 'is of Windows; use --cpus and --memory',
  },
  {
    flags: '--mac-address',
    fate: 'refused',
    members: ['.MacAddress'],
    text: 'vSphere gives machines their MAC addresses',
  },
  {
    flags: '--runtime',
    fate: 'refused',
    members: ['Runtime'],
    text: 'the only runtime is vsphere',
    usual: ['vsphere'],
  },
  {
    flags: '--log-driver',
    fate: 'refused',
    members: ['LogConfig.Type'],
    text: 'the only log driver is json-file',
    usual: ['json-file'],
  },
];

/** Members that are carried out, or of which nothing follows for the container. */
const KNOWN_HOST: ReadonlySet<string> = new Set([
  'Annotations',
  'AutoRemove',
  'Binds',
  'CapAdd',
  'CapDrop',
  'ConsoleSize',
  'ContainerIDFile',
  'Dns',
  'DnsOptions',
  'DnsSearch',
  'ExtraHosts',
  'GroupAdd',
  'LogConfig',
  'Memory',
  'Mounts',
  'NanoCpus',
  'NetworkMode',
  'PidsLimit',
  'PortBindings',
  'PublishAllPorts',
  'Privileged',
  'ReadonlyRootfs',
  'RestartPolicy',
  'SecurityOpt',
  'ShmSize',
  'Sysctls',
  'Tmpfs',
  'Ulimits',
  'VolumeDriver',
  'VolumesFrom',
]);
const KNOWN_CONFIG: ReadonlySet<string> = new Set([
  'ArgsEscaped',
  'AttachStderr',
  'AttachStdin',
  'AttachStdout',
  'Cmd',
  'Domainname',
  'Entrypoint',
  'Env',
  'ExposedPorts',
  'HostConfig',
  'Hostname',
  'Image',
  'Labels',
  'NetworkDisabled',
  'NetworkingConfig',
  'OnBuild',
  'OpenStdin',
  'StdinOnce',
  'StopSignal',
  'StopTimeout',
  'Tty',
  'User',
  'Volumes',
  'WorkingDir',
]);

/**
 * Sentences for `Warnings`, which the CLI shows.
 *
 * @throws `operation-unsupported`, `request-invalid` for an option that is refused
 */
export function examineOptions(body: CreateBody): readonly string[] {
  refuseNetworks(body);
  const { VolumeDriver: driver } = body.HostConfig;
  if (!isOwnDriver(driver ?? ''))
    throw new StowageError(
      'request-invalid',
      `error looking up volume plugin ${driver}: plugin "${driver}" not found: the volume driver is vsphere`,
    );
  return [...OPTIONS.flatMap((option) => warningOf(option, body)), ...unknownMembers(body)];
}

function warningOf(option: Option, body: CreateBody): readonly string[] {
  const isAsked = option.members.some((member) => isSet(valueOf(body, member), option.usual));
  if (!isAsked) return [];
  const { flags, fate, text } = option;
  switch (fate) {
    case 'refused':
      throw new StowageError('operation-unsupported', `${flags}: ${text ?? 'is not supported'}`);
    case 'discarded':
      return [`${flags}: discarded, vSphere has nothing like it${text === undefined ? '' : `: ${text}`}`];
    case 'later':
      return [`${flags}: kept, but not applied yet${text === undefined ? '' : `: ${text}`}`];
  }
}

function valueOf(body: CreateBody, member: string): unknown {
  const [owner, path]: [unknown, string] = member.startsWith('.') ? [body, member.slice(1)] : [body.HostConfig, member];
  return path.split('.').reduce<unknown>((value, part) => {
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[part] : undefined;
  }, owner);
}

function isSet(value: unknown, usual: readonly unknown[] = []): boolean {
  return !isEmptyValue(value) && !usual.includes(value);
}

function unknownMembers({ HostConfig: host, ...config }: CreateBody): readonly string[] {
  const listed = new Set(OPTIONS.flatMap(({ members }) => members.map((member) => member.replace(/^\.|\..*$/g, ''))));
  const odd = (owner: object, known: ReadonlySet<string>): readonly string[] =>
    Object.entries(owner)
      .filter(([name, value]) => !known.has(name) && !listed.has(name) && !isEmptyValue(value))
      .map(([name]) => name);
  return [...odd(config, KNOWN_CONFIG), ...odd(host, KNOWN_HOST)].map(
    (name) => `${name}: kept, but not known here, and not applied`,
  );
}

/**
 * Where no gateway is configured. `docker create` and `docker run` without -d send the same; only the second attaches, and shows nothing of
 * why that failed.
 */
export function attachWarning({
  AttachStdin,
  AttachStdout,
  AttachStderr,
}: Pick<CreateBody, 'AttachStdin' | 'AttachStdout' | 'AttachStderr'>): readonly string[] {
  if (AttachStdin !== true && AttachStdout !== true && AttachStderr !== true) return [];
  return [
    'attaching to a container needs a gateway, and none is configured (STOWAGE_GATEWAY_KEY): use `docker run -d`',
  ];
}

/** @throws `request-invalid` with 400: on creating a container, 404 would mean that the image is missing */
function refuseNetworks({ HostConfig: host, NetworkingConfig: networking }: CreateBody): void {
  const mode = host.NetworkMode ?? '';
  if (mode === 'host') throw new StowageError('operation-unsupported', `--network host: ${OWN_MACHINE}; use bridge`);
  if (mode.startsWith('container:'))
    throw new StowageError('operation-unsupported', `--network ${mode}: ${OWN_MACHINE}; use bridge`);
  if (!['', 'default', 'bridge', 'none'].includes(mode))
    throw new StowageError('request-invalid', `network ${mode} not found: the networks are bridge and none`);
  for (const [name, endpoint] of Object.entries(networking?.EndpointsConfig ?? {})) {
    if (!['default', 'bridge', 'none', mode].includes(name))
      throw new StowageError('request-invalid', `network ${name} not found: the networks are bridge and none`);
    const { IPAMConfig, Links, Aliases, MacAddress, DriverOpts } = endpoint ?? {};
    const asked = Object.entries({ '--ip': IPAMConfig, '--link': Links, '--network-alias': Aliases })
      .concat(Object.entries({ '--mac-address': MacAddress, 'driver-opt of --network': DriverOpts }))
      .filter(([, value]) => !isEmptyValue(value));
    if (asked[0] !== undefined)
      throw new StowageError(
        'operation-unsupported',
        `${asked[0][0]}: the port group of vSphere decides over addresses and names`,
      );
  }
}
