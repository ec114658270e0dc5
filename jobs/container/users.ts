import type { ContainerRecord } from '../../core/container.ts';
import type { ContainerId, VolumeName } from '../../core/ids.ts';
import type { RecordStore } from '../../core/ports/jobs.ts';
import type { Digest } from '../../core/reference.ts';
import { readAll } from '../read-all.ts';

// Which containers need an image or a volume: all that there are, also stopped ones and those that are just being made. Whoever removes
// looks twice, the second time after the record says `deleting`; whoever makes a container writes its record first and then looks whether
// image and volumes are there. So one of the two always sees the other.

type Records = { readonly records: RecordStore };

export async function containersOfImage(context: Records, image: Digest): Promise<readonly ContainerRecord[]> {
  const all = await readAll(context, 'container');
  return all.map(({ record }) => record).filter(({ spec }) => spec.image === image);
}

/** @param except a container that is going, with this volume */
export async function containersOfVolume(
  context: Records,
  volume: VolumeName,
  except?: ContainerId,
): Promise<readonly ContainerRecord[]> {
  const all = await readAll(context, 'container');
  return all.map(({ record }) => record).filter((record) => record.name !== except && mountsVolume(record, volume));
}

export function mountsVolume({ spec }: ContainerRecord, volume: VolumeName): boolean {
  return spec.mounts.some((mount) => mount.volume === volume);
}
