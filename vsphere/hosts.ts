import type { ErrorCode } from '../core/error-codes.ts';
import { isErrorCode } from '../core/errors.ts';
import { datastorePath, type Moref, taskRef } from '../core/ids.ts';
import type { HostChoice, Hosts, RankQuery } from '../core/ports/hosts.ts';
import type { VimCaller } from './caller.ts';
import type { Places } from './places.ts';
import { type Found, readObject, readObjects } from './properties.ts';
import type { Vim } from './schema/vim.ts';

const MIB = 1_048_576;

/** What says that DRS will not recommend here: it is off, the compute resource is no cluster, or the server has none. */
const NO_RECOMMENDATION: readonly ErrorCode[] = [
  'vcenter-unsupported',
  'vcenter-invalid',
  'vcenter-state',
  'vcenter-fault',
  'hosts-full',
];

const HOST_PATHS = [
  'name',
  'runtime.connectionState',
  'runtime.inMaintenanceMode',
  'runtime.powerState',
  'summary.hardware.memorySize',
  'summary.quickStats.overallMemoryUsage',
] as const;
type HostFound = Found<'HostSystem', (typeof HOST_PATHS)[number]>;

function isUsable(host: HostFound): boolean {
  return (
    host['runtime.connectionState'] === 'connected' &&
    host['runtime.inMaintenanceMode'] !== true &&
    host['runtime.powerState'] === 'poweredOn'
  );
}

function freeMemoryOf(host: HostFound): number {
  return (host['summary.hardware.memorySize'] ?? 0) - (host['summary.quickStats.overallMemoryUsage'] ?? 0) * MIB;
}

function reaches(mount: Vim<'DatastoreHostMount'>): boolean {
  return mount.mountInfo.mounted !== false && mount.mountInfo.accessible !== false;
}

function targetsOf({ recommendations }: Vim<'PlacementResult'>): readonly Moref[] {
  const ranked = [...(recommendations ?? [])].sort((a, b) => b.rating - a.rating);
  const actions = ranked.flatMap(({ action }) => action ?? []);
  return actions.flatMap((action) =>
    action.xsiType === 'PlacementAction' && action.targetHost !== undefined ? [action.targetHost] : [],
  );
}

export function createHosts(caller: VimCaller, places: Places): Hosts {
  async function hostsReaching(names: readonly string[], signal: AbortSignal): Promise<(host: Moref) => boolean> {
    const found = await Promise.all([...new Set(names)].map((name) => places.datastore(name, signal)));
    const refs = found.map(({ ref }) => ref);
    const datastores = await readObjects(caller, { type: 'Datastore', refs, paths: ['host'] }, signal);
    const sets = datastores.map(({ host }) => new Set((host ?? []).filter(reaches).map(({ key }) => key)));
    return (host) => sets.every((set) => set.has(host));
  }

  /** Asked about a machine that is not there yet, without naming hosts: the answer is sifted here. */
  async function recommended(query: RankQuery, signal: AbortSignal): Promise<readonly Moref[]> {
    const [datastore] = query.datastores;
    const configSpec = {
      name: 'stowage-placement',
      files: { vmPathName: datastore === undefined ? '' : datastorePath(datastore, '') },
      numCPUs: query.cpus,
      memoryMB: query.memoryMib,
    };
    try {
      const params = { placementSpec: { configSpec, placementType: 'create' } };
      return targetsOf(await caller.read('PlaceVm', query.cluster, params, { signal }));
    } catch (error) {
      if (isErrorCode(error, ...NO_RECOMMENDATION) && error.details.fault !== undefined) return [];
      throw error;
    }
  }

  async function rank(query: RankQuery, signal: AbortSignal): Promise<readonly HostChoice[]> {
    const wanted = { type: 'ComputeResource', ref: query.cluster, paths: ['host'] } as const;
    const refs = ((await readObject(caller, wanted, signal))?.host ?? []).filter(
      (ref) => query.except?.includes(ref) !== true,
    );
    const isReaching = await hostsReaching(query.datastores, signal);
    const read = await readObjects(caller, { type: 'HostSystem', refs, paths: HOST_PATHS }, signal);
    const usable = read.filter((host) => isUsable(host) && isReaching(host.ref));
    if (usable.length === 0) return [];
    const order = await recommended(query, signal);
    const choices = usable
      .map((host) => ({
        host: host.ref,
        name: host.name ?? host.ref,
        freeMemoryBytes: freeMemoryOf(host),
        isRecommended: order.includes(host.ref),
      }))
      .filter((choice) => choice.isRecommended || choice.freeMemoryBytes >= query.memoryMib * MIB);
    const placeOf = ({ host, isRecommended }: HostChoice): number =>
      isRecommended ? order.indexOf(host) : order.length;
    return choices.sort((a, b) => placeOf(a) - placeOf(b) || b.freeMemoryBytes - a.freeMemoryBytes);
  }

  return {
    rank: (query, signal) => places.refreshing(() => rank(query, signal)),

    migrate: async (machine, host, fence) =>
      taskRef(await caller.change('RelocateVM_Task', machine, { spec: { host } }, fence)),

    async enterMaintenance(host, { timeoutSeconds, evacuateOff }, fence) {
      const params = { timeout: timeoutSeconds, evacuatePoweredOffVms: evacuateOff };
      return taskRef(await caller.change('EnterMaintenanceMode_Task', host, params, fence));
    },

    exitMaintenance: async (host, { timeoutSeconds }, fence) =>
      taskRef(await caller.change('ExitMaintenanceMode_Task', host, { timeout: timeoutSeconds }, fence)),
  };
}
