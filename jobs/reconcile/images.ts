import { isErrorCode } from '../../core/errors.ts';
import type { NewEvent } from '../../core/events.ts';
import type { DatastorePath } from '../../core/ids.ts';
import type { ImageDocument, ImageRecord, LayerDocument, LayerRecord } from '../../core/image.ts';
import type { Versioned } from '../../core/record.ts';
import type { Digest } from '../../core/reference.ts';
import { isJobOver } from '../../core/states.ts';
import type { StepContext } from '../define.ts';
import { readImageDocument, readLayerDocument } from '../image/documents.ts';
import { recordFromDocument } from '../image/image-of.ts';
import { digestOfDirectory } from '../image/layer-users.ts';
import { openPins } from '../image/pins.ts';
import { imageHome, imageLine, imagesFolder, layerHome, layersFolder } from '../image/place.ts';
import { readAll } from '../read-all.ts';
import { flagAgain, flagEvents } from './compare.ts';
import { inTurn } from './scan.ts';
import { flagStrays, STRAYS_OF_IMAGES } from './strays.ts';

// Images and layers: their documents are the truth. Records are rebuilt from them; what is half made, half gone or needed by nobody is left
// to the ordinary jobs, which look again in the thing's own line.

type AnyContext = StepContext<unknown, unknown>;

export interface ImageCounts {
  readonly images: number;
  readonly layers: number;
  readonly written: number;
  readonly finishing: number;
}
type Outcome = 'written' | 'finishing' | 'nothing';

/** A directory with what its document says; damage: it cannot be read. */
interface Found<D> {
  readonly digest: Digest;
  readonly document?: D;
  readonly damage?: string;
}

export async function reconcileImages(context: AnyContext): Promise<ImageCounts> {
  const store = context.world.imageStore;
  if (store === undefined) return { images: 0, layers: 0, written: 0, finishing: 0 };
  const { files } = context.dataCentre;
  // Records first: what is made meanwhile is then newer than what was seen, and its revision protects it.
  const knownImages = byName(await readAll(context, 'image'));
  const knownLayers = byName(await readAll(context, 'layer'));
  const images = await scan(await listing(context, imagesFolder(store)), (id) =>
    readImageDocument(files, imageHome(store, id), context.signal),
  );
  const layers = await scan(await listing(context, layersFolder(store)), (id) =>
    readLayerDocument(files, layerHome(store, id), context.signal),
  );
  const isNeeded = needOf(images, knownImages);
  const outcomes = [
    ...(await inTurn(images, (found) => atImage(context, found, knownImages.get(found.digest)))),
    ...(await inTurn(layers, (found) => atLayer(context, found, knownLayers.get(found.digest), isNeeded))),
    ...(await flagMissing(context, [...knownImages.values()], images)),
    ...(await flagMissing(context, [...knownLayers.values()], layers)),
    ...(await untagShadowed(context, images)),
  ];
  const strays = [
    ...unreadable(images, knownImages, (digest) => imageHome(store, digest)),
    ...unreadable(layers, knownLayers, (digest) => layerHome(store, digest)),
  ].map((stray) => ({ ...stray, store: STRAYS_OF_IMAGES }));
  await flagStrays(context, strays, (stray) => stray.store === STRAYS_OF_IMAGES);
  const count = (what: Outcome): number => outcomes.filter((outcome) => outcome === what).length;
  return { images: images.length, layers: layers.length, written: count('written'), finishing: count('finishing') };
}

/** What an image needs whose document cannot be read, only its record knows; without one, any layer may be needed. */
function needOf(
  images: readonly Found<ImageDocument>[],
  known: ReadonlyMap<string, Versioned<ImageRecord>>,
): (diffId: Digest) => boolean {
  const isAnyUnknown = images.some(({ digest, damage }) => damage !== undefined && !known.has(digest));
  const layers = images.flatMap(({ digest, document }) => (document ?? known.get(digest)?.record)?.layers ?? []);
  const needed = new Set<Digest>(layers.map(({ diffId }) => diffId));
  return (diffId) => isAnyUnknown || needed.has(diffId);
}

/** Those that have a record are flagged there. */
function unreadable(
  found: readonly Found<unknown>[],
  known: ReadonlyMap<string, unknown>,
  homeOf: (digest: Digest) => DatastorePath,
): readonly { readonly name: DatastorePath; readonly reason: string }[] {
  return found.flatMap(({ digest, damage }) =>
    damage === undefined || known.has(digest) ? [] : [{ name: homeOf(digest), reason: damage }],
  );
}

function byName<R extends { readonly name: string }>(
  found: readonly { readonly rev: number; readonly record: R }[],
): ReadonlyMap<string, { readonly rev: number; readonly record: R }> {
  return new Map(found.map((each) => [each.record.name, each]));
}

async function listing(
  context: AnyContext,
  folder: Parameters<typeof context.dataCentre.files.list>[0],
): Promise<readonly Digest[]> {
  const entries = (await context.dataCentre.files.list(folder, context.signal)) ?? [];
  return entries.flatMap((entry) => {
    const digest = entry.isDirectory ? digestOfDirectory(entry.name) : undefined;
    return digest === undefined ? [] : [digest];
  });
}

function scan<D>(
  digests: readonly Digest[],
  read: (digest: Digest) => Promise<D | undefined>,
): Promise<readonly Found<D>[]> {
  return inTurn(digests, async (digest): Promise<Found<D>> => {
    try {
      const document = await read(digest);
      return { digest, ...(document === undefined ? {} : { document }) };
    } catch (thrown) {
      if (!isErrorCode(thrown, 'image-damaged')) throw thrown;
      return { digest, damage: thrown.message };
    }
  });
}

async function isAtWork(
  context: AnyContext,
  record: { readonly job?: ImageRecord['job'] } | undefined,
): Promise<boolean> {
  if (record?.job === undefined) return false;
  const job = await context.jobs.read(record.job);
  return job !== undefined && !isJobOver(job.state);
}

async function atImage(
  context: AnyContext,
  found: Found<ImageDocument>,
  known: Versioned<ImageRecord> | undefined,
): Promise<Outcome> {
  const { digest, document, damage } = found;
  if (damage !== undefined) return known === undefined ? 'nothing' : flag(context, known, damage);
  if (document?.state !== 'available') {
    if (await isAtWork(context, known?.record)) return 'nothing';
    await context.submit('image.remove', { image: digest, unfinished: true });
    return 'finishing';
  }
  if (known !== undefined && isSame(known.record, document)) return 'nothing';
  const record = await recordFromDocument(context, document);
  const events: readonly NewEvent[] =
    known === undefined
      ? [
          {
            type: 'image.adopted',
            subject: imageLine(digest),
            data: { names: document.names.map((name) => name.reference) },
          },
        ]
      : flagEvents(imageLine(digest), known.record.flag, undefined).map(asImageEvent);
  return outcomeOf(await context.records.observe([{ op: 'put', record, expectedRev: known?.rev ?? 0 }], events));
}

function isSame(record: ImageRecord, document: ImageDocument): boolean {
  const key = (names: ImageRecord['names']): string =>
    names
      .map(({ reference, at }) => `${reference} ${at}`)
      .toSorted()
      .join('\n');
  return record.state === 'available' && record.flag === undefined && key(record.names) === key(document.names);
}

async function atLayer(
  context: AnyContext,
  found: Found<LayerDocument>,
  known: Versioned<LayerRecord> | undefined,
  isNeeded: (diffId: Digest) => boolean,
): Promise<Outcome> {
  const { digest, document, damage } = found;
  if (damage !== undefined) return known === undefined ? 'nothing' : flag(context, known, damage);
  const isUnneeded = document?.state !== 'available' || !isNeeded(digest);
  if (isUnneeded && !(await isWanted(context, known?.record))) {
    await context.submit('layer.release', { diffId: digest });
    return 'finishing';
  }
  if (document?.state !== 'available' || (known?.record.state === 'available' && known.record.flag === undefined))
    return 'nothing';
  const record: LayerRecord = {
    type: 'layer',
    name: digest,
    state: 'available',
    home: layerHomeOf(context, digest),
    disk: document.disk,
    blob: document.blob,
    sizeBytes: document.sizeBytes,
    impliedDirectories: document.impliedDirectories,
    pins: known?.record.pins ?? [],
    createdAt: document.createdAt,
    updatedAt: context.now(),
    job: document.job,
  };
  return outcomeOf(await context.records.observe([{ op: 'put', record, expectedRev: known?.rev ?? 0 }], []));
}

function layerHomeOf(context: AnyContext, digest: Digest): LayerRecord['home'] {
  const store = context.world.imageStore;
  if (store === undefined) throw new TypeError('there is an image store');
  return layerHome(store, digest);
}

/** A job is at it, or an open pull has a pin on it. */
async function isWanted(context: AnyContext, record: LayerRecord | undefined): Promise<boolean> {
  if (record === undefined) return false;
  return (await isAtWork(context, record)) || (await openPins(context, record.pins)).length > 0;
}

/** A record whose directory is gone. Nothing is concluded from it; at the second pass it is told. */
async function flagMissing(
  context: AnyContext,
  known: readonly Versioned<ImageRecord | LayerRecord>[],
  found: readonly Found<unknown>[],
): Promise<readonly Outcome[]> {
  const there = new Set<string>(found.map(({ digest }) => digest));
  const missing = known.filter(({ record }) => !there.has(record.name) && record.state === 'available');
  return inTurn(missing, (each) => flag(context, each, 'its directory is not in the image store'));
}

async function flag(
  context: AnyContext,
  known: Versioned<ImageRecord | LayerRecord>,
  reason: string,
): Promise<Outcome> {
  const { record, rev } = known;
  const next = { ...record, flag: flagAgain(record.flag, reason, context.now()), updatedAt: context.now() };
  const events = flagEvents(`${record.type}:${record.name}`, record.flag, next.flag).map(asImageEvent);
  return outcomeOf(await context.records.observe([{ op: 'put', record: next, expectedRev: rev }], events));
}

function asImageEvent(event: NewEvent): NewEvent {
  return { ...event, type: event.type === 'volume.flagged' ? 'image.flagged' : 'image.unflagged' };
}

function outcomeOf(observed: 'done' | 'stale' | 'busy'): Outcome {
  return observed === 'done' ? 'written' : 'nothing';
}

/** A name that two images have is the newer one's: the other must not get it back some day. */
async function untagShadowed(
  context: AnyContext,
  images: readonly Found<ImageDocument>[],
): Promise<readonly Outcome[]> {
  const names = images.flatMap(({ digest, document }) =>
    (document?.state === 'available' ? document.names : []).map((name) => ({ ...name, image: digest })),
  );
  const outcomes: Outcome[] = [];
  for (const name of names) {
    const newest = Math.max(...names.filter((each) => each.reference === name.reference).map((each) => each.at));
    if (name.at >= newest) continue;
    await context.submit('image.untag', { image: name.image, reference: name.reference, at: newest });
    outcomes.push('finishing');
  }
  return outcomes;
}
