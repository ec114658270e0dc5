import type { AnyKind } from '../define.ts';
import { volumeAttach } from './attach.ts';
import { volumeDetach } from './detach.ts';
import { volumeExpand } from './expand.ts';
import { volumeMaker } from './make.ts';
import { clonePayload, createPayload } from './options.ts';
import { volumeRemove } from './remove.ts';

const volumeCreate = volumeMaker({
  kind: 'volume.create',
  summary: 'Makes a volume: a virtual disk, or a directory on an NFS store. The same volume twice is one volume.',
  payload: createPayload,
});

const volumeClone = volumeMaker({
  kind: 'volume.clone',
  summary: 'Makes a volume with the content of another, which must not be in use by a writer.',
  payload: clonePayload,
});

export const VOLUME_KINDS: readonly AnyKind[] = [
  volumeCreate,
  volumeClone,
  volumeRemove,
  volumeExpand,
  volumeAttach,
  volumeDetach,
];
