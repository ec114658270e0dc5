import { type DatastorePath, datastorePath } from '../../core/ids.ts';
import type { DatastoreFacts } from '../../core/ports/data-centre.ts';
import { formatSize } from '../../core/size.ts';
import type { StepContext } from '../define.ts';
import { type Check, examine, failed, ok, skipped, warning } from './checks.ts';

// Datastores of volumes, images and containers: there, reachable, readable, and with room.

type Context = Pick<StepContext<unknown, unknown>, 'dataCentre' | 'world' | 'signal'>;

interface Place {
  readonly check: string;
  /** As the configuration names it, for people. */
  readonly called: string;
  readonly setting: string;
  readonly isIn: (datastore: DatastoreFacts) => boolean;
  readonly root: string;
}

const FULL_SHARE = 0.05;
const FULL_BYTES = 10_000_000_000;

export async function examineStores(context: Context): Promise<readonly Check[]> {
  const { dataCentre, signal } = context;
  const places = placesOf(context);
  let datastores: readonly DatastoreFacts[] = [];
  const reading = await examine('stores', signal, async (soon) => {
    ({ datastores } = await dataCentre.inventory.read(soon));
    return [];
  });
  if (reading.length > 0) return places.map(({ check }) => skipped(check, 'vCenter could not be asked'));
  const found: Check[] = [];
  for (const place of places) {
    found.push(...(await examine(place.check, signal, (soon) => one(context, place, datastores, soon))));
  }
  return found;
}

function placesOf({ world: { stores, imageStore, containers } }: Context): readonly Place[] {
  const named = (check: string, setting: string, at: { readonly datastore: string; readonly root: string }): Place => ({
    check,
    called: `datastore ${at.datastore}`,
    setting,
    isIn: ({ name }) => name === at.datastore,
    root: at.root,
  });
  return [
    ...[...stores.values()].map(({ name, target, root }) => ({
      check: `store.${name}`,
      called: target.type === 'pod' ? `datastore cluster ${target.name}` : `datastore ${target.name}`,
      setting: 'STOWAGE_VOLUME_STORES',
      isIn: (datastore: DatastoreFacts) => (target.type === 'pod' ? datastore.pod : datastore.name) === target.name,
      root,
    })),
    ...(imageStore === undefined ? [] : [named('images.store', 'STOWAGE_IMAGE_STORE', imageStore)]),
    ...(containers === undefined ? [] : [named('containers.store', 'STOWAGE_CONTAINER_STORE', containers.store)]),
  ];
}

async function one(
  { dataCentre }: Context,
  place: Place,
  all: readonly DatastoreFacts[],
  signal: AbortSignal,
): Promise<readonly Check[]> {
  const { check, called, setting, root } = place;
  const here = all.filter(place.isIn);
  if (here.length === 0) {
    return [failed(check, `there is no ${called}`, `Correct ${setting}, or let the account see it.`)];
  }
  const away = here.filter(({ accessible }) => !accessible);
  if (away.length > 0) {
    const names = away.map(({ name }) => name).join(', ');
    return [failed(check, `hosts cannot reach ${names}`, 'See to the storage, or to the hosts that should mount it.')];
  }
  for (const { name } of here) {
    const folder: DatastorePath = datastorePath(name, root);
    // A folder that is not there yet is made with the first thing in it; to look is what has to be allowed.
    await dataCentre.files.list(folder, signal);
  }
  return [judgeSpace(check, called, here)];
}

export function judgeSpace(
  check: string,
  called: string,
  datastores: readonly Pick<DatastoreFacts, 'capacityBytes' | 'freeBytes' | 'kind'>[],
): Check {
  const sum = (of: (each: (typeof datastores)[number]) => number): number =>
    datastores.reduce((total, each) => total + of(each), 0);
  const [free, capacity] = [sum(({ freeBytes }) => freeBytes), sum(({ capacityBytes }) => capacityBytes)];
  const kinds = [...new Set(datastores.map(({ kind }) => kind))].join(', ');
  const words = `${called} (${kinds}): ${formatSize(free)} of ${formatSize(capacity)} are free`;
  const isNearlyFull = free < FULL_BYTES || free < capacity * FULL_SHARE;
  if (isNearlyFull)
    return warning(check, words, 'Make room, or enlarge it, before volumes that are thin run out of space.');
  return ok(check, words);
}
