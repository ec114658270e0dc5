import type { ContainerRecord } from '../../core/container.ts';
import { StowageError } from '../../core/errors.ts';
import type { GuestDisks, GuestShare, GuestVolume } from '../../core/guest.ts';
import { splitDatastorePath, type VolumeName } from '../../core/ids.ts';
import type { Machine } from '../../core/ports/machines.ts';
import { shortId } from '../../core/reference.ts';
import type { StepContext } from '../define.ts';
import { dataPathOf } from '../volume/place.ts';
import { findVolume } from '../volume/volume-of.ts';
import type { Mounted } from './leases.ts';
import { scratchOf } from './machine.ts';

type AnyContext = StepContext<unknown, unknown>;

/** What the guest is told of its disks, before it is started. @throws `image-damaged`, `container-lost`, `volume-damaged` */
export async function guestDisks(
  context: AnyContext,
  machine: Machine,
  { record, mounted }: { readonly record: ContainerRecord; readonly mounted: readonly Mounted[] },
): Promise<GuestDisks> {
  const scratch = scratchOf(machine)?.uuid;
  if (scratch === undefined)
    throw new StowageError('container-lost', `the machine of container ${record.called} has lost its own disk`);
  return {
    layers: await layersOf(context, machine, record),
    scratch,
    volumes: volumesOf(mounted),
    shares: await sharesOf(context, record),
  };
}

async function layersOf(
  context: Pick<AnyContext, 'records'>,
  machine: Machine,
  { spec }: ContainerRecord,
): Promise<readonly string[]> {
  const image = await context.records.read('image', spec.image);
  if (image === undefined)
    throw new StowageError('image-damaged', `image ${shortId(spec.image)} is not there any more`);
  return Promise.all(
    image.record.layers.map(async ({ diffId }) => {
      const path = (await context.records.read('layer', diffId))?.record.disk?.path;
      const uuid = machine.disks.find((disk) => disk.path === path)?.uuid;
      if (uuid !== undefined) return uuid;
      throw new StowageError('image-damaged', `${machine.name} lacks layer ${shortId(diffId)} of its image`);
    }),
  );
}

function volumesOf(mounted: readonly Mounted[]): Record<VolumeName, GuestVolume> {
  const volumes: Record<VolumeName, GuestVolume> = {};
  for (const { found, access } of mounted) {
    const uuid = found.record.place?.disk?.uuid;
    if (uuid !== undefined) volumes[found.record.name] = { uuid, access };
  }
  return volumes;
}

/** Volumes that are directories: the guest mounts them from the server that the hosts have them from. */
async function sharesOf(context: AnyContext, { spec }: ContainerRecord): Promise<Record<VolumeName, GuestShare>> {
  const shares: Record<VolumeName, GuestShare> = {};
  for (const { volume, backing } of spec.mounts) {
    if (backing !== 'files') continue;
    const { record } = await findVolume(context, volume);
    const place = record.place === undefined ? undefined : splitDatastorePath(dataPathOf(record.place.home));
    const share =
      place === undefined ? undefined : await context.dataCentre.inventory.share(place.datastore, context.signal);
    if (place === undefined || share === undefined)
      throw new StowageError('volume-damaged', `volume ${volume} is on no NFS datastore that guests could mount`);
    shares[volume] = { ...share, path: `${share.path.replace(/\/$/, '')}/${place.path}` };
  }
  return shares;
}
