import { pino } from 'pino';
import { datastorePath, type Moref, moref } from '../core/ids.ts';
import type { Fence } from '../core/ports/fence.ts';
import type { LabVcenter } from '../lab/vcenter.ts';
import { VimCaller } from '../vsphere/caller.ts';
import { Collector } from '../vsphere/collector.ts';
import { createDisks } from '../vsphere/disks.ts';
import { Places } from '../vsphere/places.ts';
import { Session } from '../vsphere/session.ts';
import { SoapClient } from '../vsphere/soap-client.ts';
import { createTasks } from '../vsphere/tasks.ts';
import { Transport } from '../vsphere/transport.ts';

/** One way of speaking to vCenter: what is measured of it, each an operation that may be several calls. */
export interface SoapSide {
  readonly name: string;
  /** @returns how many properties were read */
  readProperties(machine: Moref, paths: readonly string[]): Promise<number>;
  /** Makes a disk and deletes it, and waits for both Tasks. `[datastore] folder/name.vmdk` */
  makeDisk(path: string): Promise<void>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 60_000;

/** The client of vsphere/, as `connectDataCentre` puts it together. */
export function openOurs({ url, user, password }: LabVcenter): Promise<SoapSide> {
  const endpoint = new URL(url);
  const transport = new Transport({ url: endpoint, trust: 'system', maxConnections: 16 });
  const soap = new SoapClient(transport, endpoint);
  const session = new Session(soap, { user, password, timeoutMs: TIMEOUT_MS, now: Date.now });
  const caller = new VimCaller({ soap, session, server: endpoint.hostname, timeoutMs: TIMEOUT_MS });
  const collector = new Collector({ caller, logger: pino({ level: 'error' }), pollSeconds: 1 });
  const disks = createDisks(caller, new Places(caller, undefined));
  const tasks = createTasks(caller, collector);
  const { signal } = new AbortController();
  const fence: Fence = { epoch: 1, signal, assertHeld: () => undefined };
  return Promise.resolve({
    name: 'Stowage',
    async readProperties(machine, pathSet) {
      const specSet = [{ propSet: [{ type: 'VirtualMachine', pathSet }], objectSet: [{ obj: machine }] }];
      const params = { specSet, options: {} };
      const result = await caller.read('RetrievePropertiesEx', 'propertyCollector', params);
      return result?.objects?.[0]?.propSet?.length ?? 0;
    },
    async makeDisk(text) {
      const [datastore = '', file = ''] = text.slice(1).split('] ');
      const path = datastorePath(datastore, file);
      await tasks.wait(await disks.create({ path, capacityBytes: 2 ** 30, format: 'thin' }, fence), { signal });
      await tasks.wait(await disks.remove(path, fence), { signal });
    },
    async close() {
      await collector.close();
      await session.close();
      await transport.close();
    },
  });
}

export const machineRef = (moid: string): Moref => moref('VirtualMachine', moid);
