import { z } from 'zod';
import { type DiskUuid, type JobId, JOB_ID_FORM, parseJobId } from '../../core/ids.ts';
import type { ImageLayer } from '../../core/image.ts';
import type { Digest } from '../../core/reference.ts';
import { branded } from '../branded.ts';
import type { StepContext } from '../define.ts';
import { blobSchema, digestSchema } from './documents.ts';
import type { layerDiskPaths } from './place.ts';

// What a `layer.pull` is given, and what its steps note.

export const layerPullPayload = z.strictObject({
  diffId: digestSchema,
  blob: blobSchema,
  registry: z.string().max(300),
  repository: z.string().max(300),
  pull: branded(parseJobId, 'is not the id of a job', JOB_ID_FORM).describe(
    'The pull that wants it: it keeps the layer until its image is made',
  ),
  credentials: z.string().max(100).optional().describe('A ticket, see `image.pull`'),
});
export interface LayerPullNotes {
  readonly disk: {
    readonly path: ReturnType<typeof layerDiskPaths>['disk'];
    readonly extent: ReturnType<typeof layerDiskPaths>['extent'];
    readonly uuid: DiskUuid;
    readonly sizeBytes: number;
  };
  readonly sizeBytes: number;
  readonly impliedDirectories: readonly string[];
  readonly createdAt: string;
}
export type LayerPullContext = StepContext<LayerPullPayload, LayerPullNotes>;

export function layerOf({ diffId, blob }: LayerPullPayload): ImageLayer {
  return { diffId, blob };
}

/** Names the files of this attempt on this machine. Those of a layer sort by time, as its claims do. */
export function ownerOf(context: LayerPullContext): string {
  return `${context.fence.epoch.toString(36).padStart(11, '0')}.${context.jobId}`;
}

export type LayerPullPayload = {
  readonly diffId: Digest;
  readonly blob: ImageLayer['blob'];
  readonly registry: string;
  readonly repository: string;
  readonly pull: JobId;
  readonly credentials?: string;
};
