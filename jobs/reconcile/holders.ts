import type { DiskUuid } from '../../core/ids.ts';
import type { DataCentre, MachineDisk } from '../../core/ports/data-centre.ts';
import type { VolumeHolder } from '../../core/volume.ts';
import { holderOf } from '../volume/volume-of.ts';

/** Which machine has which disk, for all volumes at once: one read of all machines. */
export interface Attachments {
  of(disk: {
    readonly path: string;
    readonly uuid?: DiskUuid;
  }): readonly { readonly holder: VolumeHolder; readonly path: MachineDisk['path'] }[];
}

export async function readAttachments(
  dataCentre: DataCentre,
  disks: readonly { readonly path: MachineDisk['path']; readonly uuid?: DiskUuid }[],
  signal: AbortSignal,
): Promise<Attachments> {
  const uuids = disks.flatMap((disk) => (disk.uuid === undefined ? [] : [disk.uuid]));
  const found =
    disks.length === 0
      ? []
      : await dataCentre.machines.findByDisk({ uuids, paths: disks.map((disk) => disk.path) }, signal);
  return {
    of: (disk) =>
      found
        .filter((each) => (disk.uuid !== undefined && each.disk.uuid === disk.uuid) || each.disk.path === disk.path)
        .map((each) => ({ path: each.disk.path, holder: holderOf(each) })),
  };
}
