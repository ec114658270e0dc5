import { isErrorCode, StowageError } from '../core/errors.ts';
import { type DatastorePath, taskRef } from '../core/ids.ts';
import type { FileEntry, Files } from '../core/ports/data-centre.ts';
import type { VimCaller } from './caller.ts';
import type { Collector } from './collector.ts';
import type { Folder } from './folder.ts';
import type { Places } from './places.ts';
import type { Vim } from './schema/vim.ts';

export interface FilesOptions {
  readonly caller: VimCaller;
  readonly collector: Collector;
  readonly places: Places;
  readonly folder: Folder;
}

const SEARCH: Vim<'HostDatastoreBrowserSearchSpec'> = {
  query: [
    {
      xsiType: 'VmDiskFileQuery',
      details: { diskType: false, capacityKb: true, hardwareVersion: false, controllerType: false, diskExtents: false },
    },
    { xsiType: 'FolderFileQuery' },
    {},
  ],
  details: { fileType: true, fileSize: true, modification: false, fileOwner: false },
  matchPattern: ['*'],
};

/** The file with a disk's data, beside its descriptor; some browsers list both. */
const EXTENT = /-flat\.vmdk$/;

type FileInfos = NonNullable<Vim<'HostDatastoreBrowserSearchResults'>['file']>;

function entriesOf(files: FileInfos): readonly FileEntry[] {
  const names = new Set(files.map((file) => file.path));
  return files
    .filter((file) => !(EXTENT.test(file.path) && names.has(file.path.replace(EXTENT, '.vmdk'))))
    .map((file) => ({
      name: file.path,
      isDirectory: file.xsiType === 'FolderFileInfo',
      sizeBytes: file.fileSize ?? 0,
      ...(file.xsiType === 'VmDiskFileInfo' && file.capacityKb !== undefined
        ? { capacityBytes: file.capacityKb * 1_024 }
        : {}),
    }));
}

function isSearchResults(result: unknown): result is Vim<'HostDatastoreBrowserSearchResults'> {
  return (
    typeof result === 'object' &&
    result !== null &&
    'xsiType' in result &&
    result.xsiType === 'HostDatastoreBrowserSearchResults'
  );
}

export function createFiles({ caller, collector, places, folder }: FilesOptions): Files {
  async function search(path: DatastorePath, signal: AbortSignal): Promise<readonly FileEntry[]> {
    const { browser } = await places.datastoreOf(path, signal);
    const params = { datastorePath: path, searchSpec: SEARCH };
    const task = taskRef(await caller.read('SearchDatastore_Task', browser, params, { signal }));
    const result = await collector.waitForTask(task, { signal });
    if (isSearchResults(result)) return entriesOf(result.file ?? []);
    throw new StowageError('vcenter-garbled', `the search of ${path} ended without its result`);
  }

  return {
    makeDirectory: (path, fence) =>
      places.refreshing(async () => {
        const { ref: datacenter } = await places.datacenter(fence.signal);
        const params = { name: path, datacenter, createParentDirectories: true };
        try {
          await caller.change('MakeDirectory', 'fileManager', params, fence);
          return 'created';
        } catch (error) {
          if (isErrorCode(error, 'vcenter-exists')) return 'existed';
          throw error;
        }
      }),

    async list(path, signal) {
      try {
        return await places.refreshing(() => search(path, signal));
      } catch (error) {
        if (isErrorCode(error, 'vcenter-not-found') && error.details.fault?.type === 'FileNotFound') return undefined;
        throw error;
      }
    },

    read: (path, signal) => folder.get(path, signal),
    write: (path, bytes, fence) => folder.put(path, bytes, fence),
    upload: (path, local, fence) => folder.upload(path, local, fence),

    remove: (path, fence) =>
      places.refreshing(async () => {
        const { ref: datacenter } = await places.datacenter(fence.signal);
        return taskRef(
          await caller.change('DeleteDatastoreFile_Task', 'fileManager', { name: path, datacenter }, fence),
        );
      }),

    copy: (from, to, fence) =>
      places.refreshing(async () => {
        const { ref } = await places.datacenter(fence.signal);
        const params = {
          sourceName: from,
          sourceDatacenter: ref,
          destinationName: to,
          destinationDatacenter: ref,
          force: false,
        };
        return taskRef(await caller.change('CopyDatastoreFile_Task', 'fileManager', params, fence));
      }),
  };
}
