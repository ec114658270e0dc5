import type { HostRecord, StoreRecord } from '../../core/host.ts';
import type { RecordStore } from '../../core/ports/jobs.ts';
import { type Family, gauge } from './metric-family.ts';

/** Far more than one cluster has hosts. */
const MOST = 1_000;

/** Hosts and volume stores as the watcher saw them last. */
export async function estateFamilies(records: RecordStore): Promise<readonly Family[]> {
  const [hosts, stores] = await Promise.all([
    records.list('host', { limit: MOST }),
    records.list('store', { limit: MOST }),
  ]);
  return [
    ...hostFamilies(hosts.items.map(({ record }) => record)),
    ...storeFamilies(stores.items.map(({ record }) => record)),
  ];
}

function hostFamilies(hosts: readonly HostRecord[]): readonly Family[] {
  const ofEach = (valueOf: (host: HostRecord) => boolean): Family['samples'] =>
    hosts.map((host) => ({ labels: { host: host.name }, value: valueOf(host) ? 1 : 0 }));
  return [
    gauge(
      'stowage_host_connected',
      'Whether vCenter reaches the host',
      ofEach(({ connection }) => connection === 'connected'),
    ),
    gauge(
      'stowage_host_maintenance',
      'Whether the host is in maintenance mode',
      ofEach(({ inMaintenance }) => inMaintenance),
    ),
  ];
}

function storeFamilies(stores: readonly StoreRecord[]): readonly Family[] {
  const ofEach = (valueOf: (store: StoreRecord) => number): Family['samples'] =>
    stores.map((store) => ({ labels: { store: store.name }, value: valueOf(store) }));
  return [
    gauge(
      'stowage_store_usable',
      'Whether the datastores of the volume store are there and accessible',
      ofEach(({ fault }) => (fault === undefined ? 1 : 0)),
    ),
    gauge(
      'stowage_store_capacity_bytes',
      'Capacity of the datastores of a volume store',
      ofEach(({ capacityBytes }) => capacityBytes),
    ),
    gauge(
      'stowage_store_free_bytes',
      'Free space on the datastores of a volume store',
      ofEach(({ freeBytes }) => freeBytes),
    ),
  ];
}
