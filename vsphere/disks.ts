import { isErrorCode } from '../core/errors.ts';
import { parseDiskUuid, taskRef } from '../core/ids.ts';
import type { Disks } from '../core/ports/data-centre.ts';
import type { DiskFormat } from '../core/volume.ts';
import type { VimCaller } from './caller.ts';
import type { Places } from './places.ts';
import type { Params } from './schema/vim.ts';

/** vSphere's words for what people call thin, zeroedthick, eagerzeroedthick. */
const DISK_TYPES: Readonly<Record<DiskFormat, string>> = {
  thin: 'thin',
  zeroedthick: 'preallocated',
  eagerzeroedthick: 'eagerZeroedThick',
};
/** Of the descriptor only: a PVSCSI controller takes it too. */
const ADAPTER_TYPE = 'lsiLogic';

export const toKib = (bytes: number): number => Math.ceil(bytes / 1_024);

export function createDisks(caller: VimCaller, places: Places): Disks {
  return {
    create: ({ path, capacityBytes, format }, fence) =>
      places.refreshing(async () => {
        const { ref: datacenter } = await places.datacenter(fence.signal);
        const spec = {
          xsiType: 'FileBackedVirtualDiskSpec',
          diskType: DISK_TYPES[format],
          adapterType: ADAPTER_TYPE,
          capacityKb: toKib(capacityBytes),
        } as const;
        return taskRef(
          await caller.change('CreateVirtualDisk_Task', 'virtualDiskManager', { name: path, datacenter, spec }, fence),
        );
      }),

    copy: ({ from, to, format }, fence) =>
      places.refreshing(async () => {
        const { ref } = await places.datacenter(fence.signal);
        const ends = { sourceName: from, sourceDatacenter: ref, destName: to, destDatacenter: ref, force: false };
        const destSpec = { diskType: DISK_TYPES[format], adapterType: ADAPTER_TYPE };
        const start = async (params: Params<'CopyVirtualDisk_Task'>) =>
          taskRef(await caller.change('CopyVirtualDisk_Task', 'virtualDiskManager', params, fence));
        try {
          return await start({ ...ends, destSpec });
        } catch (error) {
          // Many a vCenter has not implemented the format and refuses the call: then the copy is as its source is.
          if (isErrorCode(error, 'vcenter-unsupported') && error.details.fault !== undefined) return start(ends);
          throw error;
        }
      }),

    extend: ({ path, capacityBytes }, fence) =>
      places.refreshing(async () => {
        const { ref: datacenter } = await places.datacenter(fence.signal);
        const params = { name: path, datacenter, newCapacityKb: toKib(capacityBytes), eagerZero: false };
        return taskRef(await caller.change('ExtendVirtualDisk_Task', 'virtualDiskManager', params, fence));
      }),

    remove: (path, fence) =>
      places.refreshing(async () => {
        const { ref: datacenter } = await places.datacenter(fence.signal);
        return taskRef(
          await caller.change('DeleteVirtualDisk_Task', 'virtualDiskManager', { name: path, datacenter }, fence),
        );
      }),

    uuid: async (path, signal) => {
      try {
        return await places.refreshing(async () => {
          const { ref: datacenter } = await places.datacenter(signal);
          const params = { name: path, datacenter };
          return parseDiskUuid(await caller.read('QueryVirtualDiskUuid', 'virtualDiskManager', params, { signal }));
        });
      } catch (error) {
        if (isErrorCode(error, 'vcenter-not-found')) return undefined;
        throw error;
      }
    },
  };
}
