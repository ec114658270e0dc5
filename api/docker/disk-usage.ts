import type { ContainerRecord } from '../../core/container.ts';
import type { VolumeRecord } from '../../core/volume.ts';
import { type Answer, json } from './answer.ts';
import { indexImages } from '../../jobs/image/naming.ts';
import { mountsVolume } from '../../jobs/container/users.ts';
import { isShown } from './container-find.ts';
import { renderRow } from './container-view.ts';
import { groupByImage, renderSummary, sharedBytes, sizesOf } from './image-view.ts';
import { allRecords } from './listing.ts';
import type { Call, DockerParts, Route } from './parts.ts';
import { isVisible, renderVolume } from './volume-view.ts';

/** `type` may be given several times: only those are counted, the others are null. */
async function usage(call: Call, { records, clock }: DockerParts): Promise<Answer> {
  const types = call.query.getAll('type');
  const isAsked = (type: string): boolean => types.length === 0 || types.includes(type);
  const [volumes, imageRecords, layers, containers] = await Promise.all([
    isAsked('volume') ? allRecords(records, 'volume') : [],
    isAsked('image') || isAsked('container') ? allRecords(records, 'image') : [],
    isAsked('image') ? allRecords(records, 'layer') : [],
    allRecords(records, 'container'),
  ]);
  const index = indexImages(imageRecords);
  const { images } = index;
  const shared = sharedBytes(images, sizesOf(layers));
  const users = groupByImage(containers);
  const rows = images.map((image) =>
    renderSummary(image, {
      minor: call.minor,
      withManifests: false,
      sharedBytes: shared.get(image.record.name) ?? 0,
      containers: users.get(image.record.name) ?? [],
    }),
  );
  const rowOptions = { images: index, nowMs: clock.nowMs(), minor: call.minor, withSize: true };
  const there = layers.filter((layer) => layer.state === 'available');
  return json({
    LayersSize: isAsked('image') ? there.reduce((sum, layer) => sum + layer.sizeBytes, 0) : 0,
    Images: isAsked('image') ? rows : null,
    Containers: isAsked('container') ? containers.filter(isShown).map((record) => renderRow(record, rowOptions)) : null,
    Volumes: isAsked('volume') ? volumes.filter(isVisible).map((volume) => volumeRow(volume, containers)) : null,
    BuildCache: isAsked('build-cache') ? [] : null,
    ...(call.minor < 42 ? { BuilderSize: 0 } : {}),
  });
}

/** The size is what the volume may grow to: how much of a thin disk is in use is vSphere's business. */
function volumeRow(record: VolumeRecord, containers: readonly ContainerRecord[]): object {
  const users = containers.filter((container) => mountsVolume(container, record.name)).length;
  return {
    ...renderVolume(record),
    UsageData: { RefCount: Math.max(users, record.holders.length), Size: record.spec.capacityBytes },
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
      missing: 'what containers have written, and a build cache (there is none); volumes count with their capacity',
    },
    handler: usage,
  },
];
