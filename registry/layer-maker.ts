import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrorCode, StowageError } from '../core/errors.ts';
import type { ImageLayer } from '../core/image.ts';
import type { BlobSource, LayerFile, LayerMaker, Registry } from '../core/ports/registry.ts';
import { familiarName, hexOf, shortId } from '../core/reference.ts';
import type { Clock, RandomBytes } from '../platform/clock.ts';
import type { ImageConfig } from '../platform/config.ts';
import type { Logger } from '../platform/log.ts';
import { abortError } from './failure.ts';
import { LayerdiskRun, type LayerReport } from './layerdisk-run.ts';
import { Spool, type Stretch } from './spool.ts';
import { SpooledBlob } from './spooled-blob.ts';
import { Turns } from './turns.ts';

export interface LayerMakerOptions {
  readonly registry: Pick<Registry, 'blob'>;
  readonly config: Pick<ImageConfig, 'pulls' | 'pullsPerRegistry' | 'maxLayerBytes' | 'spoolDir'>;
  /** The program. */
  readonly layerdisk: string;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

type MakeCall = Parameters<LayerMaker['make']>[3];

interface Order {
  readonly layer: ImageLayer;
  readonly source: BlobSource;
  readonly outFile: string;
  readonly call: MakeCall;
}

/** Makes the spool directory, and removes leftovers of a day ago there. @throws `internal-error` */
export async function openLayerMaker(options: LayerMakerOptions): Promise<LayerMaker> {
  const { clock, random, config } = options;
  return new StreamingLayerMaker(options, await Spool.open({ dir: config.spoolDir, clock, random }));
}

class StreamingLayerMaker implements LayerMaker {
  readonly #options: LayerMakerOptions;
  readonly #spool: Spool;
  readonly #turns: Turns;

  constructor(options: LayerMakerOptions, spool: Spool) {
    this.#options = options;
    this.#spool = spool;
    this.#turns = new Turns(options.config.pulls, options.config.pullsPerRegistry);
  }

  async make(layer: ImageLayer, source: BlobSource, owner: string, call: MakeCall): Promise<LayerFile> {
    try {
      return await this.#make(layer, source, owner, call);
    } catch (error) {
      throw isErrorCode(error, ...OF_THE_LAYER) ? named(error, layer, source) : error;
    }
  }

  async #make(layer: ImageLayer, source: BlobSource, owner: string, call: MakeCall): Promise<LayerFile> {
    const endTurn = await this.#turns.take(source.registry, call.signal, () => call.onProgress?.('waiting', 0));
    try {
      // So that the program makes a new inode, whatever an earlier attempt of the owner may still have open.
      await this.#removeDisks(layer, owner);
      const order = { layer, source, outFile: this.#outFile(layer, owner), call };
      const stretches = await this.#spool.stretches(source.digest, source.sizeBytes);
      try {
        return await this.#attempt(order, stretches);
      } catch (error) {
        if (!isErrorCode(error, 'layer-invalid', 'layer-too-large')) throw error;
        // What is wrong may be what was spooled, by a machine that lost its power, say: it is not kept.
        await this.#spool.clear(source.digest);
        if (stretches.length === 0 || call.signal.aborted || error.code !== 'layer-invalid') throw error;
        this.#options.logger.warn({ blob: source.digest, reason: error.message }, 'a spooled blob is fetched anew');
      }
      try {
        return await this.#attempt(order, []);
      } catch (error) {
        if (isErrorCode(error, 'layer-invalid', 'layer-too-large')) await this.#spool.clear(source.digest);
        throw error;
      }
    } finally {
      endTurn();
    }
  }

  async forget(layer: ImageLayer, owner: string, isDone: boolean): Promise<void> {
    await this.#removeDisks(layer, owner);
    if (isDone) await this.#spool.clear(layer.blob.digest);
  }

  #outFile(layer: ImageLayer, owner: string): string {
    return join(this.#spool.dir, `${hexOf(layer.diffId)}.${encodeURIComponent(owner)}.disk`);
  }

  /** The owner's, and what earlier ones left that died here. A later one's stays, should the owner have slept meanwhile. */
  async #removeDisks(layer: ImageLayer, owner: string): Promise<void> {
    const { dir } = this.#spool;
    const isOfLayer = (file: string): boolean =>
      file.startsWith(join(dir, hexOf(layer.diffId))) && file.endsWith('.disk');
    const files = (await readdir(dir)).map((name) => join(dir, name)).filter(isOfLayer);
    for (const file of files.filter((each) => each <= this.#outFile(layer, owner))) await rm(file, { force: true });
  }

  async #attempt(order: Order, stretches: readonly Stretch[]): Promise<LayerFile> {
    const { layer, source, outFile, call } = order;
    const { config, layerdisk } = this.#options;
    const settings = { program: layerdisk, outFile, maxBytes: config.maxLayerBytes, tempDir: config.spoolDir };
    const blob = await SpooledBlob.open(this.#spool, source, stretches);
    const run = new LayerdiskRun({ ...settings, blob });
    const onAbort = (): void => void run.kill();
    call.signal.addEventListener('abort', onAbort, { once: true });
    try {
      await this.#feed(run, blob, order);
      call.onProgress?.('extracting', source.sizeBytes);
      const report = await run.report();
      if (call.signal.aborted) throw abortError(call.signal);
      verify(report, layer);
      return await layerFile(outFile, report);
    } catch (error) {
      await run.kill();
      await rm(outFile, { force: true });
      throw call.signal.aborted ? abortError(call.signal) : error;
    } finally {
      call.signal.removeEventListener('abort', onAbort);
      await blob.close();
    }
  }

  /** All of the blob, or until the program has ended: its report says why. What had arrived before is not fetched again. */
  async #feed(run: LayerdiskRun, blob: SpooledBlob, { source, call }: Order): Promise<void> {
    for (const part of blob.parts) run.tell(part);
    call.onProgress?.('downloading', blob.startBytes);
    if (blob.startBytes === source.sizeBytes) return;
    const { credentials, signal } = call;
    const reading = {
      signal: AbortSignal.any([signal, run.ended]),
      ...(credentials === undefined ? {} : { credentials }),
    };
    blob.onPart = (part) => {
      run.tell(part);
      call.onProgress?.('downloading', blob.startBytes + part.end);
    };
    try {
      for await (const piece of this.#options.registry.blob(source, blob.startBytes, reading)) await blob.append(piece);
    } catch (error) {
      if (!run.ended.aborted || signal.aborted) throw error;
    } finally {
      // What came before a failure is there for the next attempt.
      await blob.flush();
    }
  }
}

const OF_THE_LAYER = [
  'layer-invalid',
  'layer-too-large',
  'blob-unknown',
  'registry-busy',
  'registry-denied',
  'registry-failed',
  'registry-unknown',
  'registry-unreachable',
  'registry-untrusted',
] as const;

/** Whoever reads it has asked for an image. */
function named(error: StowageError, { diffId }: ImageLayer, { registry, repository }: BlobSource): StowageError {
  const name = `layer ${shortId(diffId)} of ${familiarName(`${registry}/${repository}`)}`;
  return new StowageError(error.code, `${name}: ${error.message}`, { ...error.details, cause: error });
}

/** @throws `layer-invalid` that says what differs */
function verify(report: LayerReport, layer: ImageLayer): void {
  const { blob, diffId } = layer;
  if (report.blobBytes !== blob.sizeBytes) {
    throw new StowageError('layer-invalid', `expected a blob of ${blob.sizeBytes} bytes, got ${report.blobBytes}`);
  }
  if (report.blobDigest !== blob.digest) {
    const message = `expected a blob with the digest ${brief(blob.digest)}, got ${brief(report.blobDigest)}`;
    throw new StowageError('layer-invalid', message);
  }
  if (report.diffId !== diffId) {
    const message = `expected a tar with the diffID ${brief(diffId)}, got ${brief(report.diffId)}`;
    throw new StowageError('layer-invalid', message);
  }
}

function brief(digest: string): string {
  return digest.slice(0, 'sha256:'.length + 12);
}

async function layerFile(file: string, report: LayerReport): Promise<LayerFile> {
  const { imageBytes, contentBytes, impliedDirectories } = report;
  const { size: sizeBytes } = await stat(file);
  if (sizeBytes !== imageBytes || sizeBytes % 512 !== 0) {
    const message = `layerdisk reported a disk of ${imageBytes} bytes and left one of ${sizeBytes}`;
    throw new StowageError('internal-error', message);
  }
  return { file, sizeBytes, contentBytes, impliedDirectories };
}
