import { z } from 'zod';
import type { JobId } from '../../core/ids.ts';
import type { Job, JobProgress } from '../../core/job.ts';
import { type Digest, parseDigest, shortId } from '../../core/reference.ts';
import { formatSize } from '../../core/size.ts';
import { isJobOver } from '../../core/states.ts';

/** A line of a progress stream, as Docker's clients read it. */
export interface ProgressLine {
  readonly status: string;
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly progress?: string;
}

/** What a layer's lines have told so far; each stage is told once, in this order. */
type Stage = 'pulling' | 'waiting' | 'downloading' | 'downloaded' | 'extracting' | 'complete';
const STAGES: readonly Stage[] = ['pulling', 'waiting', 'downloading', 'downloaded', 'extracting', 'complete'];

/** By what a layer's job tells of itself. Docker has no word for the upload to the datastore. */
const PHASES: ReadonlyMap<string, Stage> = new Map([
  ['waiting', 'waiting'],
  ['downloading', 'downloading'],
  ['extracting', 'extracting'],
  ['uploading', 'extracting'],
]);

export interface PulledLayer {
  readonly blob: Digest;
  readonly sizeBytes: number;
  readonly isThere: boolean;
  readonly job?: JobId;
}

const digest = z.string().transform((text, context): Digest => {
  const parsed = parseDigest(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: 'not a digest' });
  return z.NEVER;
});
const notesSchema = z.object({
  isUpToDate: z.boolean().optional(),
  layers: z.array(
    z.object({
      blob: z.object({ digest, sizeBytes: z.number() }),
      isThere: z.boolean(),
      job: z.string().optional(),
    }),
  ),
});

/** The layers of a pull, once its manifest is resolved; none when there is nothing to do. undefined: not resolved yet. */
export function layersOf(job: Job): readonly PulledLayer[] | undefined {
  const notes = notesSchema.safeParse(job.notes);
  if (!notes.success) return undefined;
  if (notes.data.isUpToDate === true) return [];
  const layers = notes.data.layers.map(({ blob, isThere, job }) => ({
    blob: blob.digest,
    sizeBytes: blob.sizeBytes,
    isThere,
    ...(job === undefined ? {} : { job: job as JobId }),
  }));
  return [...new Map(layers.map((layer) => [layer.blob, layer])).values()];
}

/** What is known of the layers now. */
export interface PullView {
  readonly layers: readonly PulledLayer[];
  readonly progress: ReadonlyMap<JobId, JobProgress>;
  /** Of the children that are over. */
  readonly over: ReadonlySet<JobId>;
  /** The pull as a whole has succeeded. */
  readonly isDone: boolean;
}

export interface PullProgress {
  /** The lines that tell what is new since the last call. */
  update(view: PullView): readonly ProgressLine[];
}

/** Tells a pull as dockerd does, from snapshots of its jobs. */
export function createPullProgress(): PullProgress {
  const told = new Map<Digest, Stage>();
  const amounts = new Map<Digest, string>();

  function* linesOf(layer: PulledLayer, view: PullView): Generator<ProgressLine> {
    const { blob } = layer;
    if (layer.isThere) {
      if (!told.has(blob)) yield line(blob, 'Already exists');
      told.set(blob, 'complete');
      return;
    }
    const progress = layer.job === undefined ? undefined : view.progress.get(layer.job);
    const stage = stageOf(layer, view, progress);
    for (const next of STAGES.slice(told.has(blob) ? rank(told.get(blob)) + 1 : 0, rank(stage) + 1)) {
      // Only a layer that is waiting now says so.
      if (next !== 'waiting' || stage === 'waiting') yield* linesOfStage(blob, next);
      told.set(blob, next);
    }
    const isMoving = told.get(blob) === stage && (stage === 'downloading' || stage === 'extracting');
    if (!isMoving || progress === undefined) return;
    const { current, total = layer.sizeBytes } = progress;
    const amount = `${stage} ${current}`;
    if (amounts.get(blob) === amount) return;
    amounts.set(blob, amount);
    const status = stage === 'downloading' ? 'Downloading' : 'Extracting';
    yield { ...line(blob, status), progressDetail: { current, total }, progress: barOf(current, total) };
  }

  return { update: (view) => view.layers.flatMap((layer) => [...linesOf(layer, view)]) };
}

function rank(stage: Stage | undefined): number {
  return stage === undefined ? -1 : STAGES.indexOf(stage);
}

function stageOf(layer: PulledLayer, view: PullView, progress: JobProgress | undefined): Stage {
  if (view.isDone || (layer.job !== undefined && view.over.has(layer.job))) return 'complete';
  return PHASES.get(progress?.phase ?? '') ?? 'pulling';
}

function* linesOfStage(blob: Digest, stage: Stage): Generator<ProgressLine> {
  switch (stage) {
    case 'pulling':
      yield line(blob, 'Pulling fs layer');
      return;
    case 'waiting':
      yield line(blob, 'Waiting');
      return;
    case 'downloaded':
      yield line(blob, 'Verifying Checksum');
      yield line(blob, 'Download complete');
      return;
    case 'complete':
      yield line(blob, 'Pull complete');
      return;
    case 'downloading':
    case 'extracting':
  }
}

function line(blob: Digest, status: string): ProgressLine {
  return { status, id: shortId(blob), progressDetail: {} };
}

const BAR = 50;

/** `[=====>     ]  1.2 MB/3.4 MB`, for clients that draw nothing themselves. */
function barOf(current: number, total: number): string {
  const done = Math.floor((Math.min(current, total) / Math.max(total, 1)) * BAR);
  const bar = `${'='.repeat(done)}${done < BAR ? '>' : ''}`.padEnd(BAR);
  return `[${bar}]  ${formatSize(current)}/${formatSize(total)}`;
}

/** The children that a caller need not read again. */
export function overOf(jobs: readonly (Job | undefined)[]): ReadonlySet<JobId> {
  return new Set(jobs.flatMap((job) => (job !== undefined && isJobOver(job.state) ? [job.id] : [])));
}
