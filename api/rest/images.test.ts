import { afterAll, beforeAll, expect, test } from 'vitest';
import { datastorePath, parseDiskUuid } from '../../core/ids.ts';
import type { ImageRecord, LayerRecord } from '../../core/image.ts';
import { canonicalReference, parseDigest, parseReference } from '../../core/reference.ts';
import { type Rig, startRig } from './rig.ts';

const NOW = '2026-11-01T12:00:00.000Z';
const digest = (digit: string) => {
  const value = parseDigest(`sha256:${digit.repeat(64)}`);
  if (value === undefined) throw new TypeError('a digit');
  return value;
};
const reference = parseReference('busybox');
const uuid = parseDiskUuid('6000c29a-1111-2222-3333-444455556666');
if (typeof reference === 'string' || uuid === undefined) throw new TypeError('these are good');
const blob = { digest: digest('b'), sizeBytes: 100, mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' };
const IMAGE: ImageRecord = {
  type: 'image',
  name: digest('1'),
  state: 'available',
  names: [{ reference: canonicalReference(reference), at: 1 }],
  layers: [{ diffId: digest('d'), blob }],
  config: { architecture: 'amd64', os: 'linux' },
  manifest: { digest: digest('a'), sizeBytes: 500, mediaType: 'application/vnd.oci.image.manifest.v1+json' },
  sizeBytes: 300,
  home: datastorePath('ds1', 'stowage/images/1'),
  createdAt: NOW,
  updatedAt: NOW,
};
const LAYER: LayerRecord = {
  type: 'layer',
  name: digest('d'),
  state: 'available',
  home: datastorePath('ds1', 'stowage/layers/d'),
  disk: { path: datastorePath('ds1', 'stowage/layers/d/layer.vmdk'), uuid, sizeBytes: 4_096 },
  blob,
  sizeBytes: 300,
  impliedDirectories: [],
  pins: [],
  createdAt: NOW,
  updatedAt: NOW,
};

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
  await rig.store.records.observe(
    [
      { op: 'put', record: IMAGE, expectedRev: 0 },
      { op: 'put', record: LAYER, expectedRev: 0 },
    ],
    [],
  );
});
afterAll(() => rig.close());

test('images and layers are listed and read', async () => {
  const image = {
    id: IMAGE.name,
    names: ['docker.io/library/busybox:latest'],
    layers: [{ diffId: LAYER.name, blob }],
    sizeBytes: 300,
  };
  expect((await rig.call({ url: '/v1/images' })).body).toMatchObject({ items: [image] });
  expect((await rig.call({ url: `/v1/images/${IMAGE.name}` })).body).toMatchObject(image);
  expect((await rig.call({ url: '/v1/layers' })).body).toMatchObject({
    items: [{ diffId: LAYER.name, disk: { path: LAYER.disk?.path, sizeBytes: 4_096 } }],
  });
});

test('an image that is not there, or whose id is none', async () => {
  expect(await rig.call({ url: `/v1/images/${digest('9')}` })).toMatchObject({ status: 404 });
  expect(await rig.call({ url: '/v1/images/busybox' })).toMatchObject({
    status: 400,
    body: { errors: [{ parameter: 'digest' }] },
  });
});
