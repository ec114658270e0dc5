import { StowageError } from '../../core/errors.ts';
import { parseContainerId, parseContainerName, parseVolumeName } from '../../core/ids.ts';
import type { ImageRecord } from '../../core/image.ts';
import type { JsonObject } from '../../core/job.ts';
import type { PrepareContext } from '../define.ts';
import { indexImages } from '../image/naming.ts';
import { noted } from '../noted.ts';
import { readAll } from '../read-all.ts';
import { makeUpName } from './made-up-names.ts';
import type { CreatePayload, MountRequest } from './payloads.ts';
import { volumePathsOf } from './spec.ts';

/**
 * What is chosen once for a creation: its id, a name, the image that the reference means now, and all volumes by name.
 *
 * @throws `image-not-found`, `request-invalid`
 */
export async function prepareCreation(payload: CreatePayload, context: PrepareContext): Promise<JsonObject> {
  const { records, randomBytes } = context;
  const images = (await readAll({ records }, 'image')).map(({ record }) => record);
  const { image } = indexImages(images).find(payload.image);
  const id = noted(parseContainerId(Buffer.from(randomBytes(32)).toString('hex')));
  const name = payload.name ?? noted(parseContainerName(makeUpName(randomBytes(4))));
  const mounts = allMounts(payload.mounts ?? [], image.record, randomBytes);
  return {
    id,
    name,
    imageId: image.record.name,
    mounts: mounts.map((mount) => ({ ...mount })) as readonly JsonObject[],
  };
}

function allMounts(
  asked: readonly MountRequest[],
  image: ImageRecord,
  randomBytes: (size: number) => Uint8Array,
): readonly MountRequest[] {
  const paths = asked.map(({ destination }) => destination);
  const twice = paths.find((path, at) => paths.indexOf(path) !== at);
  if (twice !== undefined) {
    throw new StowageError('request-invalid', `Duplicate mount point: ${twice}`, {
      fields: [{ pointer: '/payload/mounts', detail: `"${twice}" is there twice` }],
    });
  }
  const ofImage = volumePathsOf(image)
    .filter((path) => !paths.includes(path))
    .map((destination): MountRequest => ({ destination, access: 'read-write', noCopy: false }));
  return [...asked, ...ofImage].map((mount) => {
    const { anonymous: _, ...rest } = mount;
    if (mount.volume !== undefined) return rest;
    const volume = noted(parseVolumeName(Buffer.from(randomBytes(32)).toString('hex')));
    return { ...rest, volume, anonymous: true };
  });
}
