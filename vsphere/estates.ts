import { isErrorCode, StowageError } from '../core/errors.ts';
import { type Moref, splitMoref } from '../core/ids.ts';
import type { ClusterFacts, Estate, Estates } from '../core/ports/estate.ts';
import type { Fence } from '../core/ports/fence.ts';
import type { VimCaller } from './caller.ts';
import { readNetworks } from './networks.ts';
import type { Places } from './places.ts';
import { type Found, readAll } from './properties.ts';

const CLUSTER_PATHS = ['name', 'host', 'resourcePool', 'configurationEx'] as const;

/** No limit, nothing reserved, an ordinary share. Source: ResourceAllocationInfo. */
const NO_LIMIT = {
  reservation: 0,
  expandableReservation: true,
  limit: -1,
  shares: { shares: 0, level: 'normal' },
} as const;

function clusterOf(found: Found<'ComputeResource', (typeof CLUSTER_PATHS)[number]>): ClusterFacts {
  const { configurationEx: config, resourcePool: pool } = found;
  const isCluster = config !== undefined && 'dasConfig' in config;
  return {
    ref: found.ref,
    name: found.name ?? found.ref,
    hosts: found.host ?? [],
    ...(pool === undefined ? {} : { pool }),
    drs: isCluster && config.drsConfig.enabled === true,
    ha: isCluster && config.dasConfig.enabled === true,
  };
}

/** A room of Stowage's: what holds it, its name, the type of managed object that it is. */
interface Room {
  readonly parent: Moref;
  readonly name: string;
  readonly type: 'Folder' | 'ResourcePool';
}

export function createEstates(caller: VimCaller, places: Places): Estates {
  async function clusters(signal: AbortSignal): Promise<readonly ClusterFacts[]> {
    const found = await readAll(caller, { type: 'ComputeResource', paths: CLUSTER_PATHS }, signal);
    return found.map(clusterOf);
  }

  async function chooseCluster(name: string | undefined, signal: AbortSignal) {
    const all = await clusters(signal);
    const matching = name === undefined ? all : all.filter((cluster) => cluster.name === name);
    const [found] = matching;
    if (found?.pool === undefined) {
      throw new StowageError('vcenter-not-found', `vCenter has no cluster ${name ?? 'that this account may see'}`);
    }
    if (matching.length > 1) {
      const names = matching.map((cluster) => cluster.name).join(', ');
      throw new StowageError('vcenter-invalid', `vCenter has several clusters, name one of them: ${names}`);
    }
    return { ref: found.ref, pool: found.pool };
  }

  async function findRoom({ parent, name, type }: Room, signal: AbortSignal): Promise<Moref | undefined> {
    const found = await caller.read('FindChild', 'searchIndex', { entity: parent, name }, { signal });
    if (found === undefined || splitMoref(found).type === type) return found;
    throw new StowageError('vcenter-exists', `${name} is the name of ${found} where Stowage wants its ${type}`);
  }

  async function ensureRoom(room: Room, fence: Fence): Promise<Moref> {
    const found = await findRoom(room, fence.signal);
    if (found !== undefined) return found;
    try {
      return await makeRoom(room, fence);
    } catch (error) {
      // Somebody was faster.
      const made = isErrorCode(error, 'vcenter-exists') ? await findRoom(room, fence.signal) : undefined;
      if (made === undefined) throw error;
      return made;
    }
  }

  function makeRoom({ parent, name, type }: Room, fence: Fence): Promise<Moref> {
    if (type === 'Folder') return caller.change('CreateFolder', parent, { name }, fence);
    const spec = { cpuAllocation: NO_LIMIT, memoryAllocation: NO_LIMIT };
    return caller.change('CreateResourcePool', parent, { name, spec }, fence);
  }

  async function roomsOf(names: Parameters<Estates['find']>[0], signal: AbortSignal) {
    const cluster = await chooseCluster(names.cluster, signal);
    const { vmFolder } = await places.datacenter(signal);
    return {
      cluster: cluster.ref,
      folder: { parent: vmFolder, name: names.folder, type: 'Folder' },
      pool: { parent: cluster.pool, name: names.pool, type: 'ResourcePool' },
    } as const;
  }

  return {
    clusters,
    networks: (signal) => readNetworks(caller, places, signal),

    ensure: (names, fence): Promise<Estate> =>
      places.refreshing(async () => {
        const rooms = await roomsOf(names, fence.signal);
        const folder = await ensureRoom(rooms.folder, fence);
        const pool = await ensureRoom(rooms.pool, fence);
        return { folder, pool, cluster: rooms.cluster };
      }),

    find: (names, signal) =>
      places.refreshing(async () => {
        const rooms = await roomsOf(names, signal);
        const folder = await findRoom(rooms.folder, signal);
        const pool = await findRoom(rooms.pool, signal);
        return folder === undefined || pool === undefined ? undefined : { folder, pool, cluster: rooms.cluster };
      }),
  };
}
