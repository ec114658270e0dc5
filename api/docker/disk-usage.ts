import type { VolumeRecord } from '../../core/volume.ts';
import { type Answer, json } from './answer.ts';
import { indexImages } from '../../jobs/image/naming.ts';
import { renderSummary, sharedBytes, sizesOf } from './image-view.ts';
import { allRecords } from './listing.ts';
import type { Call, DockerParts, Route } from './parts.ts';
import { isVisible, renderVolume } from './volume-view.ts';

/** `type` may be given several times: only those are counted, the others are null. */
async function usage(call: Call, { records }: DockerParts): Promise<Answer> {
  const types = call.query.getAll('type');
  const isAsked = (type: string): boolean => types.length === 0 || types.includes(type);
  const [volumes, imageRecords, layers] = await Promise.all([
    isAsked('volume') ? allRecords(records, 'volume') : [],
    isAsked('image') ? allRecords(records, 'image') : [],
    isAsked('image') ? allRecords(records, 'layer') : [],
  ]);
  const { images } = indexImages(imageRecords);
  const shared = sharedBytes(images, sizesOf(layers));
  const rows = images.map((image) => ({
    ...renderSummary(image, {
      minor: call.minor,
      withManifests: false,
      sharedBytes: shared.get(image.record.name) ?? 0,
    }),
    Containers: 0,
  }));
  const there = layers.filter((layer) => layer.state === 'available');
  return json({
    LayersSize: isAsked('image') ? there.reduce((sum, layer) => sum + layer.sizeBytes, 0) : 0,
    Images: isAsked('image') ? rows : null,
    Containers: isAsked('container') ? [] : null,
    Volumes: isAsked('volume') ? volumes.filter(isVisible).map(volumeRow) : null,
    BuildCache: isAsked('build-cache') ? [] : null,
    ...(call.minor < 42 ? { BuilderSize: 0 } : {}),
  });
}

/** The size is what the volume may grow to: how much of a thin disk is in use is vSphere's business. */
function volumeRow(record: VolumeRecord): object {
  return {
    ...renderVolume(record),
    UsageData: { RefCount: record.holders.length, Size: record.spec.capacityBytes },
  };
}

export const diskUsageRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/system/df',
    since: 25,
    role: 'viewer',
    support: {
      as: 'partial',
      missing: 'containers and build cache (there are none); volumes count with their capacity',
    },
    handler: usage,
  },
];
