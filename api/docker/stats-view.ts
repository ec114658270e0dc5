import type { ContainerRecord } from '../../core/container.ts';

/** What a guest measures; guest/PROTOCOL.md. */
export interface GuestStats {
  readonly cpuUsec: number;
  readonly cpuUserUsec: number;
  readonly cpuSystemUsec: number;
  readonly systemUsec: number;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly memoryLimitBytes: number;
  readonly inactiveFileBytes: number;
  readonly pids: number;
  readonly readBytes: number;
  readonly writeBytes: number;
  readonly networks: Readonly<Record<string, GuestTraffic>>;
}

export interface GuestTraffic {
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly txBytes: number;
  readonly txPackets: number;
}

/** undefined: the container does not run. */
export interface Sample {
  readonly at: string;
  readonly stats: GuestStats;
}

/** Go's zero time. */
const NEVER = '0001-01-01T00:00:00Z';
const NS_PER_USEC = 1_000;
const NO_THROTTLING = { periods: 0, throttled_periods: 0, throttled_time: 0 };
const NO_CPU = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: NO_THROTTLING,
};
const NO_BLOCKS = {
  io_service_bytes_recursive: null,
  io_serviced_recursive: null,
  io_queue_recursive: null,
  io_service_time_recursive: null,
  io_wait_time_recursive: null,
  io_merged_recursive: null,
  io_time_recursive: null,
  sectors_recursive: null,
};

/** A line of `GET /containers/{name}/stats`. Clients take the difference to the sample before for the use of CPU. */
export function renderStats(
  { name, called }: ContainerRecord,
  now: Sample | undefined,
  before: Sample | undefined,
): object {
  return {
    read: now?.at ?? NEVER,
    preread: before?.at ?? NEVER,
    pids_stats: now === undefined ? {} : { current: now.stats.pids },
    blkio_stats: now === undefined ? NO_BLOCKS : blocksOf(now.stats),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpuOf(now?.stats),
    precpu_stats: cpuOf(before?.stats),
    memory_stats: now === undefined ? {} : memoryOf(now.stats),
    name: `/${called}`,
    id: name,
    ...(now === undefined ? {} : { networks: networksOf(now.stats) }),
  };
}

function cpuOf(stats: GuestStats | undefined): object {
  if (stats === undefined) return NO_CPU;
  return {
    cpu_usage: {
      total_usage: stats.cpuUsec * NS_PER_USEC,
      usage_in_kernelmode: stats.cpuSystemUsec * NS_PER_USEC,
      usage_in_usermode: stats.cpuUserUsec * NS_PER_USEC,
    },
    system_cpu_usage: stats.systemUsec * NS_PER_USEC,
    online_cpus: stats.cpus,
    throttling_data: NO_THROTTLING,
  };
}

function memoryOf({ memoryBytes, memoryLimitBytes, inactiveFileBytes }: GuestStats): object {
  return { usage: memoryBytes, stats: { inactive_file: inactiveFileBytes }, limit: memoryLimitBytes };
}

function blocksOf({ readBytes, writeBytes }: GuestStats): object {
  const entry = (op: string, value: number): object => ({ major: 8, minor: 0, op, value });
  return { ...NO_BLOCKS, io_service_bytes_recursive: [entry('read', readBytes), entry('write', writeBytes)] };
}

function networksOf({ networks }: GuestStats): object {
  return Object.fromEntries(
    Object.entries(networks).map(([device, { rxBytes, rxPackets, txBytes, txPackets }]) => [
      device,
      {
        rx_bytes: rxBytes,
        rx_packets: rxPackets,
        rx_errors: 0,
        rx_dropped: 0,
        tx_bytes: txBytes,
        tx_packets: txPackets,
        tx_errors: 0,
        tx_dropped: 0,
      },
    ]),
  );
}
