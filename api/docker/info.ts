import type { ContainerRecord } from '../../core/container.ts';
import type { HostRecord, StoreRecord } from '../../core/host.ts';
import type { ImageRecord } from '../../core/image.ts';
import { formatSize } from '../../core/size.ts';
import { isShown } from './container-find.ts';
import { dockerState } from './container-state.ts';

interface Facts {
  readonly hosts: readonly HostRecord[];
  readonly stores: readonly StoreRecord[];
  readonly images: readonly ImageRecord[];
  readonly containers: readonly ContainerRecord[];
  readonly version: string;
}

/** The body of `GET /info`: the whole data centre as one engine. */
export function renderInfo({ hosts, stores, images, containers, version }: Facts): object {
  const usable = hosts.filter(isUsable);
  return {
    ID: 'stowage',
    Name: 'stowage',
    ServerVersion: version,
    ...countsOf(containers.filter(isShown)),
    Images: images.filter((image) => image.state === 'available').length,
    Driver: 'vsphere',
    DriverStatus: [...stores.map(storeRow), ['Hosts', `${usable.length} of ${hosts.length} usable`]],
    SystemStatus: null,
    Plugins: { Volume: ['vsphere'], Network: [], Authorization: null, Log: ['json-file'] },
    MemoryLimit: true,
    SwapLimit: false,
    CpuCfsPeriod: false,
    CpuCfsQuota: false,
    CPUShares: true,
    CPUSet: false,
    PidsLimit: false,
    IPv4Forwarding: true,
    Debug: false,
    OomKillDisable: false,
    NFd: 0,
    NGoroutines: 0,
    LoggingDriver: 'json-file',
    CgroupDriver: 'none',
    NEventsListener: 0,
    KernelVersion: 'vSphere',
    OperatingSystem: 'VMware vSphere (Stowage)',
    OSVersion: '',
    OSType: 'linux',
    Architecture: 'x86_64',
    NCPU: usable.reduce((sum, host) => sum + (host.cpuCores ?? 0), 0),
    MemTotal: usable.reduce((sum, host) => sum + host.memoryBytes, 0),
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: { IndexConfigs: {}, InsecureRegistryCIDRs: [], Mirrors: [] },
    GenericResources: null,
    DockerRootDir: stores.find((store) => store.name === 'default')?.datastores[0]?.name ?? '',
    Labels: [],
    ExperimentalBuild: false,
    Runtimes: { vsphere: { path: 'vsphere' } },
    DefaultRuntime: 'vsphere',
    Swarm: {
      NodeID: '',
      NodeAddr: '',
      LocalNodeState: 'inactive',
      ControlAvailable: false,
      Error: '',
      RemoteManagers: null,
    },
    LiveRestoreEnabled: true,
    Isolation: '',
    InitBinary: '',
    SecurityOptions: [],
    Warnings: warningsOf(hosts, stores),
  };
}

function countsOf(containers: readonly ContainerRecord[]): object {
  const states = containers.map(dockerState);
  const running = states.filter((state) => state === 'running' || state === 'restarting').length;
  const paused = states.filter((state) => state === 'paused').length;
  return {
    Containers: states.length,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: states.length - running - paused,
  };
}

function isUsable(host: HostRecord): boolean {
  return host.connection === 'connected' && host.poweredOn && !host.inMaintenance;
}

function storeRow(store: StoreRecord): readonly [string, string] {
  const where = store.datastores.map((each) => each.name).join(', ') || store.target.name;
  const space = `${formatSize(store.freeBytes)} free of ${formatSize(store.capacityBytes)}`;
  return [`Volume store ${store.name}`, `[${where}] ${store.root} (${store.backing}), ${space}`];
}

function warningsOf(hosts: readonly HostRecord[], stores: readonly StoreRecord[]): readonly string[] {
  const ofHosts = hosts
    .filter((host) => !isUsable(host))
    .map((host) => `WARNING: host ${host.name} is ${stateOf(host)}`);
  const ofStores = stores.flatMap(({ name, fault }) =>
    fault === undefined ? [] : [`WARNING: volume store ${name} cannot be used: ${fault}`],
  );
  const none = hosts.length === 0 ? ['WARNING: nothing is known of any host yet: is a worker running?'] : [];
  return [...none, ...ofHosts, ...ofStores];
}

function stateOf(host: HostRecord): string {
  if (host.connection !== 'connected') return host.connection;
  return host.poweredOn ? 'in maintenance' : 'powered off';
}
