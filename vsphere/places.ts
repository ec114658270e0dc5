import { isErrorCode, StowageError } from '../core/errors.ts';
import { type DatastorePath, type Moref, splitDatastorePath, splitMoref } from '../core/ids.ts';
import { orAborted } from './abort.ts';
import type { VimCaller } from './caller.ts';
import { readAll, readObject, readObjects } from './properties.ts';

export interface DatacenterPlace {
  readonly ref: Moref;
  readonly name: string;
  /** With the folders it is in, as `/folder` wants it: `Europe/DC0`. */
  readonly path: string;
  readonly vmFolder: Moref;
}

interface DatastorePlace {
  readonly ref: Moref;
  readonly name: string;
  readonly browser: Moref;
}

/** The datacenter whose datastores paths are about, and those datastores: looked up once, again when something is gone. */
export class Places {
  readonly #caller: VimCaller;
  readonly #wantedName: string | undefined;
  #datacenter: Promise<DatacenterPlace> | undefined;
  #found: DatacenterPlace | undefined;
  #datastores = new Map<string, DatastorePlace>();

  constructor(caller: VimCaller, datacenterName: string | undefined) {
    this.#caller = caller;
    this.#wantedName = datacenterName;
  }

  /** @throws StowageError `vcenter-not-found`, or `vcenter-invalid` when there are several and none is named */
  async datacenter(signal: AbortSignal): Promise<DatacenterPlace> {
    if (this.#found !== undefined) return this.#found;
    // Shared by all callers: not under the signal of the first.
    this.#datacenter ??= this.#findDatacenter().catch((error: unknown) => {
      this.#datacenter = undefined;
      throw error;
    });
    return orAborted(this.#datacenter, signal);
  }

  /** @throws StowageError `vcenter-not-found` */
  async datastore(name: string, signal: AbortSignal): Promise<DatastorePlace> {
    if (!this.#datastores.has(name)) await this.#readDatastores(signal);
    const place = this.#datastores.get(name);
    if (place === undefined) {
      const { name: datacenter } = await this.datacenter(signal);
      throw new StowageError('vcenter-not-found', `there is no datastore ${name} in datacenter ${datacenter}`);
    }
    return place;
  }

  datastoreOf(path: DatastorePath, signal: AbortSignal): Promise<DatastorePlace> {
    return this.datastore(splitDatastorePath(path).datastore, signal);
  }

  /** Runs with what is known; when an object turns out to be gone (vCenter was set up anew), once more with a fresh look. */
  async refreshing<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      const isStale = isErrorCode(error, 'vcenter-not-found') && error.details.fault?.type === 'ManagedObjectNotFound';
      if (!isStale) throw error;
      this.#datacenter = undefined;
      this.#found = undefined;
      this.#datastores.clear();
      return run();
    }
  }

  async #findDatacenter(): Promise<DatacenterPlace> {
    const all = await readAll(this.#caller, { type: 'Datacenter', paths: ['name', 'parent', 'vmFolder'] }, undefined);
    const wanted = this.#wantedName;
    const matching = wanted === undefined ? all : all.filter((datacenter) => datacenter.name === wanted);
    const [found] = matching;
    if (matching.length > 1) {
      const names = matching.map((datacenter) => datacenter.name).join(', ');
      throw new StowageError('vcenter-invalid', `vCenter has several datacenters, name one of them: ${names}`);
    }
    if (found?.name === undefined || found.vmFolder === undefined) {
      throw new StowageError('vcenter-not-found', `vCenter has no datacenter ${wanted ?? 'that this account may see'}`);
    }
    const path = await this.#pathTo(found.parent, found.name);
    this.#found = { ref: found.ref, name: found.name, path, vmFolder: found.vmFolder };
    return this.#found;
  }

  /** The root folder is not part of it. */
  async #pathTo(parent: Moref | undefined, below: string): Promise<string> {
    if (parent === undefined || splitMoref(parent).type !== 'Folder') return below;
    const folder = await readObject(
      this.#caller,
      { type: 'Folder', ref: parent, paths: ['name', 'parent'] },
      undefined,
    );
    if (folder?.name === undefined || folder.parent === undefined) return below;
    return this.#pathTo(folder.parent, `${folder.name}/${below}`);
  }

  async #readDatastores(signal: AbortSignal): Promise<void> {
    const { ref } = await this.datacenter(signal);
    const datacenter = await readObject(this.#caller, { type: 'Datacenter', ref, paths: ['datastore'] }, signal);
    const refs = datacenter?.datastore ?? [];
    const found = await readObjects(this.#caller, { type: 'Datastore', refs, paths: ['name', 'browser'] }, signal);
    this.#datastores = new Map();
    for (const { ref, name, browser } of found) {
      if (name !== undefined && browser !== undefined) this.#datastores.set(name, { ref, name, browser });
    }
  }
}
