import type { JsonObject } from '../../core/job.ts';
import type { ImageAfter, LayerAfter, Scenario } from './scenario.ts';
import type { Stage } from './stage.ts';
import { pushTiny, type TinyImage, tinyImage } from './tiny-image.ts';

// Each run has an image of its own: `library/<name>:1`, of one layer.

/** A pull that was never submitted: its pin does not count. */
const NOBODY = '0'.repeat(26);

const hexOf = (digest: string): string => digest.slice('sha256:'.length);
const tagOf = (name: string): string => `docker.io/library/${name}:1`;
const digestNameOf = (name: string, { image }: TinyImage): string =>
  `docker.io/library/${name}@${image.manifest.digest}`;

const imageThere = (tiny: TinyImage, names: readonly string[]): ImageAfter => ({ type: 'image', name: tiny.id, names });
const layerThere = (tiny: TinyImage): LayerAfter => ({ type: 'layer', name: tiny.diffId, isThere: true });

export async function wholeImage(name: string): Promise<readonly [ImageAfter, LayerAfter]> {
  const tiny = await tinyImage(name);
  return [imageThere(tiny, [tagOf(name), digestNameOf(name, tiny)]), layerThere(tiny)];
}

async function gone(name: string): Promise<readonly [ImageAfter, LayerAfter]> {
  const tiny = await tinyImage(name);
  return [
    { type: 'image', name: tiny.id, names: undefined },
    { type: 'layer', name: tiny.diffId, isThere: false },
  ];
}

async function layerPull(name: string): Promise<JsonObject> {
  const { diffId, blob } = await tinyImage(name);
  return { diffId, blob, registry: 'docker.io', repository: `library/${name}`, pull: NOBODY };
}

async function pullLayerFirst(stage: Stage, name: string): Promise<void> {
  await pushTiny(stage, name);
  await stage.succeed('layer.pull', await layerPull(name));
}

export async function pullFirst(stage: Stage, name: string): Promise<void> {
  await pushTiny(stage, name);
  await stage.succeed('image.pull', { reference: `${name}:1` });
}

async function removeImage(stage: Stage, name: string): Promise<void> {
  await stage.succeed('image.remove', { image: (await tinyImage(name)).id, force: true });
}

/** Another image of the same layer. */
const siblingOf = (name: string): string => `sibling.${name}`;

async function pullSibling(stage: Stage, name: string): Promise<TinyImage> {
  const sibling = await pushTiny(stage, siblingOf(name), await tinyImage(siblingOf(name), name));
  await stage.succeed('image.pull', { reference: `${siblingOf(name)}:1` });
  return sibling;
}

async function siblingThere(name: string, names: (tiny: TinyImage) => readonly string[]): Promise<ImageAfter> {
  const sibling = await tinyImage(siblingOf(name), name);
  return imageThere(sibling, [digestNameOf(siblingOf(name), sibling), ...names(sibling)]);
}

/** Refused for good, only where files of this layer are written. */
async function refuseUpload(stage: Stage, { diffId }: TinyImage): Promise<void> {
  const path = `layers/${hexOf(diffId)}/`;
  await stage.system.lab('POST', '/http-faults', { path, verb: 'PUT', status: 403, count: -1 });
}

const pullOf = (name: string): JsonObject => ({ reference: `${name}:1` });

async function addOf(name: string): Promise<JsonObject> {
  const { id, diffId, blob, image, manifestText, configText } = await tinyImage(name);
  const { digest, mediaType, sizeBytes } = image.manifest;
  return {
    image: id,
    references: [tagOf(name)],
    layers: [{ diffId, blob }],
    manifest: { digest, mediaType, sizeBytes },
    manifestText,
    configText,
    pull: NOBODY,
  };
}

const PULLS: readonly Scenario[] = [
  { title: 'pull', setup: pushTiny, payload: pullOf, after: wholeImage },
  {
    title: 'pull-cancelled',
    setup: pushTiny,
    payload: pullOf,
    cancelAtChild: 'before layers.make',
    ends: 'cancelled',
    after: gone,
  },
  {
    title: 'pull-stopped',
    setup: pushTiny,
    payload: pullOf,
    cancelAt: 'after jobs.submit',
    ends: 'cancelled',
    after: gone,
  },
  {
    title: 'pull-refused',
    setup: async (stage, name) => refuseUpload(stage, await pushTiny(stage, name)),
    payload: pullOf,
    ends: 'dead',
    after: gone,
  },
  {
    title: 'pull-tampered',
    setup: async (stage, name) => {
      const { blob } = await pushTiny(stage, name);
      stage.system.registry.tamper(blob.digest, (bytes) => Buffer.from(bytes).fill(0xff, 12, 20));
    },
    payload: pullOf,
    ends: 'dead',
    after: gone,
  },
];

const LAYER_PULLS: readonly Scenario[] = [
  {
    title: 'layer',
    setup: pushTiny,
    payload: layerPull,
    after: async (name) => [layerThere(await tinyImage(name))],
  },
  {
    title: 'layer-cancelled',
    setup: pushTiny,
    payload: layerPull,
    cancelAt: 'after files.upload',
    ends: 'cancelled',
    after: gone,
  },
];

const MOVED = (name: string): string => `docker.io/library/moved.${name}:1`;

const TAGS: readonly Scenario[] = [
  {
    title: 'tag',
    setup: async (stage, name) => {
      await pullFirst(stage, name);
      const { id } = await pullSibling(stage, name);
      await stage.succeed('image.tag', { image: id, reference: MOVED(name) });
    },
    payload: async (name) => ({ image: (await tinyImage(name)).id, reference: MOVED(name) }),
    after: async (name) => {
      const [there, layer] = await wholeImage(name);
      const names = [...(there.names ?? []), MOVED(name)];
      return [{ ...there, names }, layer, await siblingThere(name, () => [tagOf(siblingOf(name))])];
    },
  },
];

const REMOVES: readonly Scenario[] = [
  {
    title: 'rmi',
    setup: pullFirst,
    payload: async (name) => ({ image: (await tinyImage(name)).id }),
    after: gone,
  },
  {
    title: 'rmi-shared',
    setup: async (stage, name) => {
      await pullFirst(stage, name);
      await pullSibling(stage, name);
    },
    payload: async (name) => ({ image: (await tinyImage(name)).id }),
    after: async (name) => {
      const tiny = await tinyImage(name);
      const sibling = await siblingThere(name, () => [tagOf(siblingOf(name))]);
      return [{ type: 'image', name: tiny.id, names: undefined }, layerThere(tiny), sibling];
    },
  },
  {
    title: 'rmi-name',
    setup: async (stage, name) => {
      await pullFirst(stage, name);
      await stage.succeed('image.tag', { image: (await tinyImage(name)).id, reference: MOVED(name) });
    },
    payload: async (name) => ({ image: (await tinyImage(name)).id, reference: tagOf(name) }),
    after: async (name) => {
      const tiny = await tinyImage(name);
      return [imageThere(tiny, [MOVED(name)]), layerThere(tiny)];
    },
  },
];

/** By kind. */
export const IMAGE_SCENARIOS: Readonly<Record<string, readonly Scenario[]>> = {
  'image.pull': PULLS,
  'layer.pull': LAYER_PULLS,
  'layer.release': [
    {
      title: 'release',
      setup: pullLayerFirst,
      payload: async (name) => ({ diffId: (await tinyImage(name)).diffId }),
      after: gone,
    },
  ],
  'image.add': [
    {
      title: 'add',
      setup: pullLayerFirst,
      payload: addOf,
      after: async (name) => {
        const tiny = await tinyImage(name);
        return [imageThere(tiny, [tagOf(name)]), layerThere(tiny)];
      },
    },
    {
      title: 'add-cancelled',
      setup: pullLayerFirst,
      payload: addOf,
      cancelAt: 'after files.write',
      ends: 'cancelled',
      after: gone,
    },
  ],
  'image.tag': TAGS,
  'image.untag': [
    {
      title: 'untag',
      setup: pullFirst,
      payload: async (name) => ({
        image: (await tinyImage(name)).id,
        reference: tagOf(name),
        at: Number.MAX_SAFE_INTEGER,
      }),
      after: async (name) => {
        const tiny = await tinyImage(name);
        return [imageThere(tiny, [digestNameOf(name, tiny)]), layerThere(tiny)];
      },
    },
  ],
  'image.remove': REMOVES,
};

/** By title: what undoes the job, and would be undone itself by somebody who still wanted the job done. */
export const IMAGE_MEANWHILE: Readonly<Record<string, (stage: Stage, name: string) => Promise<unknown>>> = {
  pull: removeImage,
  'pull-cancelled': pullFirst,
  add: removeImage,
  tag: removeImage,
  untag: removeImage,
  rmi: pullFirst,
  'rmi-shared': pullFirst,
  'rmi-name': removeImage,
  layer: async (stage, name) => stage.succeed('layer.release', { diffId: (await tinyImage(name)).diffId }),
  'layer-cancelled': pullFirst,
  release: pullFirst,
};
