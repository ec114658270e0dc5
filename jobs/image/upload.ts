import { StowageError } from '../../core/errors.ts';
import type { DatastorePath } from '../../core/ids.ts';
import type { LayerFile } from '../../core/ports/registry.ts';
import { ignoreMissing } from '../volume/ignore-missing.ts';
import { within } from '../volume/place.ts';
import { type LayerPullContext, layerOf, ownerOf } from './layer-job.ts';
import { imageStoreOf } from './place.ts';

/** Fetches and unpacks the layer on this machine, sends its disk to the datastore, and reads it back. */
export async function uploadLayer(context: LayerPullContext, extent: DatastorePath): Promise<LayerFile> {
  const { payload, signal, images, dataCentre } = context;
  const layer = layerOf(payload);
  const owner = ownerOf(context);
  const credentials =
    payload.credentials === undefined ? undefined : await images.credentials.ask(payload.credentials, signal);
  await checkStore(context, 0);
  const source = { registry: payload.registry, repository: payload.repository, ...payload.blob };
  const made = await images.layers.make(layer, source, owner, {
    signal,
    ...(credentials === undefined ? {} : { credentials }),
    onProgress: (phase, bytes) => context.progress({ phase, current: bytes, total: payload.blob.sizeBytes }),
  });
  await checkStore(context, made.sizeBytes);
  const onProgress = (bytes: number): void =>
    context.progress({ phase: 'uploading', current: bytes, total: 2 * made.sizeBytes });
  const local = { file: made.file, sizeBytes: made.sizeBytes, onProgress };
  await dataCentre.files.upload(extent, local, context.fence);
  await images.layers.forget(layer, owner, true);
  return made;
}

/** Before anything is fetched, and again when its size is known. */
async function checkStore(context: LayerPullContext, sizeBytes: number): Promise<void> {
  const { datastore } = imageStoreOf(context.world);
  const { datastores } = await context.dataCentre.inventory.read(context.signal);
  const facts = datastores.find((each) => each.name === datastore);
  if (facts === undefined)
    throw new StowageError('store-not-found', `vSphere has no datastore "${datastore}", where images should lie`);
  if (!/^(VMFS|NFS)/i.test(facts.kind)) {
    const message = `images need a VMFS or NFS datastore, and "${datastore}" is ${facts.kind}: set STOWAGE_IMAGE_STORE to one`;
    throw new StowageError('operation-unsupported', message);
  }
  if (facts.freeBytes < sizeBytes)
    throw new StowageError(
      'store-full',
      `datastore ${datastore} has ${facts.freeBytes} bytes free, and the layer needs ${sizeBytes}`,
    );
}

/** More than enough for what a few crashes leave. */
const MAX_FILES = 50;

/** What earlier claims left half done in the directory. It is looked at anew after each removal: one may have been an earlier attempt's. */
export async function removeOtherFiles(
  context: LayerPullContext,
  home: DatastorePath,
  keep: readonly DatastorePath[],
): Promise<void> {
  const { files } = context.dataCentre;
  for (let removed = 0; removed < MAX_FILES; removed += 1) {
    const entries = (await files.list(home, context.signal)) ?? [];
    const other = entries.map(({ name }) => within(home, name)).find((path) => !keep.includes(path));
    if (other === undefined) return;
    await ignoreMissing(context.task(() => files.remove(other, context.fence)));
  }
}
