import type { AnyKind } from '../define.ts';
import { imageAdd } from './image-add.ts';
import { imagePull } from './image-pull.ts';
import { imageRemove } from './image-remove.ts';
import { imageTag, imageUntag } from './image-tag.ts';
import { layerPull } from './layer-pull.ts';
import { layerRelease } from './layer-release.ts';

/** What people submit comes first; the others are submitted by these. */
export const IMAGE_KINDS: readonly AnyKind[] = [
  imagePull,
  imageTag,
  imageRemove,
  imageAdd,
  imageUntag,
  layerPull,
  layerRelease,
];
