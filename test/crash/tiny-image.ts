import { type Image, image } from '../../lab/images/image.ts';
import { file } from '../../lab/images/tar.ts';
import type { Stage } from './stage.ts';

/** An image of one small layer that no other image has, and what a pull of it names. */
export interface TinyImage {
  readonly image: Image;
  readonly id: string;
  readonly diffId: string;
  /** As a manifest lists the layer. */
  readonly blob: { readonly digest: string; readonly sizeBytes: number; readonly mediaType: string };
  readonly manifestText: string;
  readonly configText: string;
}

const textOf = async (blob: Image['config']): Promise<string> => Buffer.from(await blob.bytes()).toString('utf8');

/** The same content gives the same image. */
export async function tinyImage(content: string, layerContent = content): Promise<TinyImage> {
  const made = await image({
    layers: [[file('name', layerContent)]],
    config: { Labels: { content } },
    history: [{ createdBy: 'a test' }],
    format: 'oci',
    compression: 'gzip',
  });
  const configText = await textOf(made.config);
  const config = JSON.parse(configText) as { readonly rootfs: { readonly diff_ids: readonly string[] } };
  const [layer] = made.layers;
  const [diffId] = config.rootfs.diff_ids;
  if (layer === undefined || diffId === undefined) throw new Error('a tiny image has a layer');
  const { digest, sizeBytes, mediaType } = layer;
  return {
    image: made,
    id: made.config.digest,
    diffId,
    blob: { digest, sizeBytes, mediaType },
    manifestText: await textOf(made.manifest),
    configText,
  };
}

/** Pushes it as `library/<name>:1`. */
export async function pushTiny(stage: Stage, name: string, tiny?: TinyImage): Promise<TinyImage> {
  const made = tiny ?? (await tinyImage(name));
  await stage.system.push(`library/${name}`, '1', made.image);
  return made;
}
