import type { ErrorCode } from '../core/error-codes.ts';
import { isErrorCode, StowageError } from '../core/errors.ts';
import type { Moref } from '../core/ids.ts';
import type { DatastoreFacts, Inventory, InventorySnapshot, NfsShare } from '../core/ports/data-centre.ts';
import type { VimCaller } from './caller.ts';
import type { Collector } from './collector.ts';
import { toKib } from './disks.ts';
import { InventoryView, WATCHED } from './inventory-view.ts';
import type { Places } from './places.ts';
import { readAll, readInventory, readObject } from './properties.ts';
import type { Params, Vim } from './schema/vim.ts';

export interface InventoryOptions {
  readonly caller: VimCaller;
  readonly collector: Collector;
  readonly places: Places;
}

/** What says that Storage DRS will not recommend here: it is off, or the server has none. */
const NO_RECOMMENDATION: readonly ErrorCode[] = ['vcenter-unsupported', 'vcenter-invalid', 'vcenter-state'];

async function readSnapshot(caller: VimCaller, signal: AbortSignal): Promise<InventorySnapshot> {
  const view = new InventoryView();
  for (const { obj, propSet } of await readInventory(caller, { paths: WATCHED, pageObjects: 100 }, signal)) {
    view.apply({
      kind: 'enter',
      obj,
      changeSet: (propSet ?? []).map((property) => ({ ...property, xsiType: 'PropertyChange', op: 'assign' })),
    });
  }
  return view.snapshot();
}

/** A machine that is never made, with one disk of the size: that is how Storage DRS is asked. */
function placementSpec(
  pod: Moref,
  at: { readonly vmFolder: Moref; readonly resourcePool: Moref },
  capacityBytes: number,
): Params<'RecommendDatastores'> {
  const diskKey = -1;
  const backing = {
    xsiType: 'VirtualDiskFlatVer2BackingInfo',
    fileName: '',
    diskMode: 'persistent',
    thinProvisioned: true,
  } as const;
  const disk: Vim<'VirtualDisk'> = {
    xsiType: 'VirtualDisk',
    key: diskKey,
    backing,
    unitNumber: 0,
    capacityInKB: toKib(capacityBytes),
  };
  return {
    storageSpec: {
      type: 'create',
      podSelectionSpec: {
        initialVmConfig: [{ storagePod: pod, disk: [{ diskId: diskKey, diskBackingInfo: backing }] }],
        storagePod: pod,
      },
      configSpec: {
        name: 'stowage-placement',
        files: { vmPathName: '' },
        deviceChange: [{ operation: 'add', fileOperation: 'create', device: disk }],
      },
      resourcePool: at.resourcePool,
      folder: at.vmFolder,
    },
  };
}

function destinationOf(result: Vim<'StoragePlacementResult'>): Moref | undefined {
  const best = [...(result.recommendations ?? [])].sort((a, b) => b.rating - a.rating)[0];
  for (const action of best?.action ?? []) if (action.xsiType === 'StoragePlacementAction') return action.destination;
  return undefined;
}

async function shareOf(caller: VimCaller, datastore: string, signal: AbortSignal): Promise<NfsShare | undefined> {
  const all = await readAll(caller, { type: 'Datastore', paths: ['name', 'info'] }, signal);
  const found = all.find(({ name }) => name === datastore);
  if (found === undefined) throw new StowageError('vcenter-not-found', `there is no datastore ${datastore}`);
  const { info } = found;
  if (info === undefined || !('nas' in info) || info.nas === undefined) return undefined;
  // A port is nothing that vSphere has; where one is written it is meant.
  const [, server = info.nas.remoteHost, port = '0'] = /^([^:]+):(\d{1,5})$/.exec(info.nas.remoteHost) ?? [];
  return { server, port: Number(port), path: info.nas.remotePath };
}

export function createInventory({ caller, collector, places }: InventoryOptions): Inventory {
  async function recommended(pod: Moref, capacityBytes: number, signal: AbortSignal): Promise<Moref | undefined> {
    const { vmFolder } = await places.datacenter(signal);
    const clusters = await readAll(caller, { type: 'ComputeResource', paths: ['resourcePool'] }, signal);
    const resourcePool = clusters.find((cluster) => cluster.resourcePool !== undefined)?.resourcePool;
    if (resourcePool === undefined) return undefined;
    try {
      const params = placementSpec(pod, { vmFolder, resourcePool }, capacityBytes);
      return destinationOf(await caller.read('RecommendDatastores', 'storageResourceManager', params, { signal }));
    } catch (error) {
      if (isErrorCode(error, ...NO_RECOMMENDATION)) return undefined;
      throw error;
    }
  }

  async function roomiest(pod: string, capacityBytes: number, signal: AbortSignal): Promise<DatastoreFacts> {
    const { datastores } = await readSnapshot(caller, signal);
    const members = datastores.filter((datastore) => datastore.pod === pod && datastore.accessible);
    const [best] = members.sort((a, b) => b.freeBytes - a.freeBytes);
    if (best === undefined)
      throw new StowageError('store-full', `the datastore cluster ${pod} has no accessible datastore`);
    if (best.freeBytes < capacityBytes) {
      throw new StowageError(
        'store-full',
        `no datastore of ${pod} has ${capacityBytes} bytes free; ${best.name} has most, ${best.freeBytes}`,
      );
    }
    return best;
  }

  return {
    read: (signal) => readSnapshot(caller, signal),
    watch: (onChange, signal) => collector.watchInventory(onChange, signal),

    share: (datastore, signal) => shareOf(caller, datastore, signal),

    async recommend(pod, capacityBytes, signal) {
      const pods = await readAll(caller, { type: 'StoragePod', paths: ['name'] }, signal);
      const found = pods.find(({ name }) => name === pod);
      if (found === undefined) throw new StowageError('vcenter-not-found', `there is no datastore cluster ${pod}`);
      const destination = await recommended(found.ref, capacityBytes, signal);
      if (destination === undefined) return (await roomiest(pod, capacityBytes, signal)).name;
      const wanted = { type: 'Datastore', ref: destination, paths: ['name'] } as const;
      const datastore = await readObject(caller, wanted, signal);
      if (datastore?.name === undefined)
        throw new StowageError('vcenter-not-found', `the recommended ${destination} is gone`);
      return datastore.name;
    },
  };
}
