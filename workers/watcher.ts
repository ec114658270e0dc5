import type { Logger } from 'pino';
import { asStowageError } from '../core/errors.ts';
import type { NewEvent } from '../core/events.ts';
import type { HostRecord, StoreRecord } from '../core/host.ts';
import type { DatastoreFacts, HostFacts, Inventory, InventorySnapshot } from '../core/ports/data-centre.ts';
import type { RecordStore } from '../core/ports/jobs.ts';
import type { AnyRecord, RecordChange } from '../core/record.ts';
import type { VolumeStore } from '../core/volume.ts';
import { backingOfKind } from '../jobs/volume/place.ts';
import { pause } from '../platform/pause.ts';

export interface WatcherParts {
  readonly inventory: Inventory;
  readonly records: RecordStore;
  readonly stores: ReadonlyMap<string, VolumeStore>;
  readonly logger: Logger;
  readonly nowMs: () => number;
  /** Told of everything that is seen, before it is written. */
  readonly onSnapshot?: (snapshot: InventorySnapshot) => void;
}

const WRITE_RETRY_MS = 1_000;

/**
 * Keeps the records of hosts and volume stores equal to what vSphere says, until the signal fires. Safe beside another watcher that
 * believes it leads: both write what they saw, and a stale revision is read again.
 */
export async function watchInventory(parts: WatcherParts, signal: AbortSignal): Promise<void> {
  let newest: InventorySnapshot | undefined;
  let isWriting = false;
  const writeNewest = async (): Promise<void> => {
    if (isWriting) return;
    isWriting = true;
    while (newest !== undefined && !signal.aborted) {
      const snapshot = newest;
      newest = undefined;
      try {
        await writeSnapshot(parts, snapshot);
      } catch (thrown) {
        parts.logger.warn({ err: asStowageError(thrown) }, 'what was seen of vSphere was not written; trying again');
        newest ??= snapshot;
        await pause(WRITE_RETRY_MS, signal);
      }
    }
    isWriting = false;
  };
  await parts.inventory.watch((snapshot) => {
    newest = snapshot;
    parts.onSnapshot?.(snapshot);
    void writeNewest();
  }, signal);
}

async function writeSnapshot(parts: WatcherParts, snapshot: InventorySnapshot): Promise<void> {
  const now = new Date(parts.nowMs()).toISOString();
  const hosts = snapshot.hosts.map((host) => hostRecord(host, now));
  const stores = [...parts.stores.values()].map((store) => storeRecord(store, snapshot.datastores, now));
  for (const record of hosts) await write(parts.records, record, hostEvents);
  for (const record of stores) await write(parts.records, record, storeEvents);
  await forgetOthers(parts.records, 'host', new Set(hosts.map((host) => host.name)));
  await forgetOthers(parts.records, 'store', new Set(stores.map((store) => store.name)));
}

async function write<R extends HostRecord | StoreRecord>(
  records: RecordStore,
  record: R,
  eventsOf: (before: R | undefined, after: R) => readonly NewEvent[],
): Promise<void> {
  for (let outcome = 'stale'; outcome === 'stale'; ) {
    const known = await records.read(record.type, record.name);
    const before = known?.record as R | undefined;
    if (before !== undefined && isSame(before, record)) return;
    outcome = await records.observe([{ op: 'put', record, expectedRev: known?.rev ?? 0 }], eventsOf(before, record));
  }
}

function isSame(a: AnyRecord, b: AnyRecord): boolean {
  const body = (record: AnyRecord): string => JSON.stringify({ ...record, updatedAt: '' });
  return body(a) === body(b);
}

async function forgetOthers(records: RecordStore, type: 'host' | 'store', names: ReadonlySet<string>): Promise<void> {
  const page = await records.list(type, { limit: 1_000 });
  for (const { rev, record } of page.items) {
    const change: RecordChange = { op: 'remove', type, name: record.name, expectedRev: rev };
    if (!names.has(record.name)) await records.observe([change], []);
  }
}

function hostRecord(host: HostFacts, now: string): HostRecord {
  return { type: 'host', ...host, updatedAt: now };
}

function hostEvents(before: HostRecord | undefined, after: HostRecord): readonly NewEvent[] {
  const isNews =
    before === undefined ||
    before.connection !== after.connection ||
    before.inMaintenance !== after.inMaintenance ||
    before.poweredOn !== after.poweredOn;
  if (!isNews) return [];
  const data = {
    connection: after.connection,
    inMaintenance: after.inMaintenance,
    poweredOn: after.poweredOn,
    ...(before === undefined ? {} : { was: before.connection }),
  };
  return [{ type: 'host.changed', subject: `host:${after.name}`, data }];
}

function storeRecord(store: VolumeStore, all: readonly DatastoreFacts[], now: string): StoreRecord {
  const own = all.filter((each) =>
    store.target.type === 'pod' ? each.pod === store.target.name : each.name === store.target.name,
  );
  const fault = faultOf(store, own);
  return {
    type: 'store',
    name: store.name,
    target: store.target,
    root: store.root,
    backing: own[0] === undefined ? 'block' : backingOfKind(own[0].kind),
    datastores: own.map(({ name, ref, kind, capacityBytes, freeBytes, accessible }) => ({
      name,
      ref,
      kind,
      capacityBytes,
      freeBytes,
      accessible,
    })),
    capacityBytes: own.reduce((sum, each) => sum + each.capacityBytes, 0),
    freeBytes: own.reduce((sum, each) => sum + each.freeBytes, 0),
    ...(fault === undefined ? {} : { fault }),
    updatedAt: now,
  };
}

function faultOf(store: VolumeStore, own: readonly DatastoreFacts[]): string | undefined {
  if (own.length === 0) return `vSphere has no ${store.target.type} named "${store.target.name}"`;
  const lost = own.filter((each) => !each.accessible).map((each) => each.name);
  return lost.length === 0 ? undefined : `not accessible: ${lost.join(', ')}`;
}

function storeEvents(before: StoreRecord | undefined, after: StoreRecord): readonly NewEvent[] {
  if (before !== undefined && before.fault === after.fault) return [];
  return [
    {
      type: 'store.changed',
      subject: `store:${after.name}`,
      data: { usable: after.fault === undefined, ...(after.fault === undefined ? {} : { fault: after.fault }) },
    },
  ];
}
