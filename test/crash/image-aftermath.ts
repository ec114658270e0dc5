import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import type { ImageDocument, LayerDocument } from '../../core/image.ts';
import type { RecordOf, RecordType } from '../../core/record.ts';
import type { System } from '../harness/system.ts';
import { directoryOf, disksOf, filesWith } from '../system/lab-view.ts';
import type { ImageAfter, LayerAfter } from './scenario.ts';
import type { CrashSystem } from './stage.ts';

async function recordOf<T extends RecordType>(system: System, type: T, name: string): Promise<RecordOf<T> | undefined> {
  return (await system.store.records.read(type, name))?.record;
}

async function documentAt<D>(system: System, path: string): Promise<D> {
  return JSON.parse(await readFile(`${await directoryOf(system, 'shared-1')}/${path}`, 'utf8')) as D;
}

const hexOf = (digest: string): string => digest.slice('sha256:'.length);

/** The files of a directory of ours, on whichever datastore. */
async function filesOf(system: System, home: string): Promise<readonly string[]> {
  return (await filesWith(system, home)).map((path) => path.slice(path.indexOf(home) + home.length)).toSorted();
}

/** Record and documents agree, and no other file is there; or nothing is. */
export async function expectImage({ system }: CrashSystem, { name, names }: ImageAfter, at: string): Promise<void> {
  const record = await recordOf(system, 'image', name);
  const files = await filesOf(system, `images/${hexOf(name)}`);
  if (names === undefined) {
    expect({ record, files }, `image ${name} ${at}`).toEqual({ record: undefined, files: [] });
    return;
  }
  expect(record, `record of image ${name} ${at}`).toMatchObject({ state: 'available' });
  expect(record?.names.map(({ reference }) => reference).toSorted(), `names ${at}`).toEqual(names.toSorted());
  expect(record?.flag, `image ${name} ${at}`).toBeUndefined();
  expect(files, `image ${name} ${at}`).toEqual(['', '/config.json', '/image.json', '/manifest.json']);
  const document = await documentAt<ImageDocument>(system, `stowage/images/${hexOf(name)}/image.json`);
  expect(document, `document of image ${name} ${at}`).toMatchObject({
    state: 'available',
    id: name,
    names: record?.names,
    layers: record?.layers,
    sizeBytes: record?.sizeBytes,
  });
}

/** Record, document and disk agree, the disk is there once, and no other file is; or nothing is. */
export async function expectLayer({ system }: CrashSystem, { name, isThere }: LayerAfter, at: string): Promise<void> {
  const record = await recordOf(system, 'layer', name);
  const home = `layers/${hexOf(name)}`;
  const disks = (await disksOf(system, home)).map(({ path, uuid, capacityBytes, attachments }) => ({
    path,
    uuid: uuid.replaceAll(/[^0-9a-f]/gi, '').toLowerCase(),
    sizeBytes: capacityBytes,
    attachments: attachments.length,
  }));
  const files = await filesOf(system, home);
  if (!isThere) {
    expect({ record, files, disks }, `layer ${name} ${at}`).toEqual({ record: undefined, files: [], disks: [] });
    return;
  }
  expect(record, `record of layer ${name} ${at}`).toMatchObject({ state: 'available' });
  expect(record?.flag, `layer ${name} ${at}`).toBeUndefined();
  expect(disks, `disks of layer ${name} ${at}`).toEqual([{ ...record?.disk, attachments: 0 }]);
  const stem = record?.disk?.path
    .split('/')
    .at(-1)
    ?.replace(/\.vmdk$/, '');
  expect(files, `layer ${name} ${at}`).toEqual(['', `/${stem}-flat.vmdk`, `/${stem}.vmdk`, '/layer.json'].toSorted());
  const document = await documentAt<LayerDocument>(system, `stowage/${home}/layer.json`);
  expect(document, `document of layer ${name} ${at}`).toMatchObject({
    state: 'available',
    diffId: name,
    disk: record?.disk,
    blob: record?.blob,
    sizeBytes: record?.sizeBytes,
  });
}
