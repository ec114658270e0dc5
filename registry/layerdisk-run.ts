import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { z } from 'zod';
import { StowageError } from '../core/errors.ts';
import { parseJson } from './credentials.ts';
import { codeOf } from '../platform/system-error.ts';
import type { Part, SpooledBlob } from './spooled-blob.ts';

// The program `layerdisk` (registry/layerdisk): it reads a layer's blob in the spool, is told on its standard input what is there, and
// answers with one line of JSON.

const Report = z.object({
  blobDigest: z.string(),
  blobBytes: z.number(),
  diffId: z.string(),
  contentBytes: z.number(),
  imageBytes: z.number(),
  impliedDirectories: z.array(z.string()),
});
const Failure = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

export type LayerReport = Readonly<z.infer<typeof Report>>;

/** Of these the layer is the cause. */
const OF_THE_LAYER: ReadonlySet<string> = new Set([
  'blob-corrupt',
  'path-escapes',
  'link-target-missing',
  'entry-unsupported',
]);
const MAX_OUTPUT = 16 * 1_048_576;
const MAX_COMPLAINT = 4_096;

interface Ending {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly startError?: Error;
}

export interface LayerdiskSettings {
  readonly program: string;
  /** Receives the disk; there must be no such file. */
  readonly outFile: string;
  readonly maxBytes: number;
  readonly tempDir: string;
  readonly blob: Pick<SpooledBlob, 'descriptors'>;
}

interface Pipes {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
}

const FIRST_DESCRIPTOR = 3;

/** One run of the program. Whoever starts it ends it: `kill` after any failure. */
export class LayerdiskRun {
  /** Fires when the program has ended, whatever way. */
  readonly ended: AbortSignal;
  readonly #settings: LayerdiskSettings;
  readonly #child: ChildProcess & Pipes;
  readonly #ending: Promise<Ending>;
  #output = '';
  #complaint = '';

  constructor(settings: LayerdiskSettings) {
    const { program, outFile, maxBytes, tempDir, blob } = settings;
    this.#settings = settings;
    // It needs nothing of the environment, where secrets are.
    const env = { TMPDIR: tempDir };
    const args = ['-out', outFile, '-max-bytes', String(maxBytes), '-follow'];
    const stdio = ['pipe', 'pipe', 'pipe', ...blob.descriptors] as const;
    // The types of `spawn` know three of the descriptors at most.
    this.#child = spawn(program, args, { env, stdio: [...stdio] }) as ChildProcess & Pipes;
    const ended = new AbortController();
    this.ended = ended.signal;
    this.#ending = new Promise((resolve) => {
      const settle = (ending: Ending): void => {
        ended.abort();
        resolve(ending);
      };
      this.#child.once('error', (startError) => settle({ exitCode: null, signal: null, startError }));
      this.#child.once('close', (exitCode, signal) => settle({ exitCode, signal }));
    });
    // The program may end before it has read all; its report says why.
    this.#child.stdin.on('error', () => undefined);
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (this.#output.length <= MAX_OUTPUT) this.#output += text;
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-MAX_COMPLAINT);
    });
  }

  /** The blob goes on with these bytes, which are there. */
  tell({ descriptor, start, end }: Part): void {
    const { stdin } = this.#child;
    if (stdin.writable) stdin.write(`${FIRST_DESCRIPTOR + descriptor} ${start} ${end}\n`);
  }

  /** Ends its input. @throws `layer-invalid`, `layer-too-large`, `internal-error` */
  async report(): Promise<LayerReport> {
    this.#child.stdin.end();
    const { exitCode, signal, startError } = await this.#ending;
    if (startError !== undefined) {
      const message = `layerdisk does not start (${this.#settings.program}: ${codeOf(startError)}): set STOWAGE_LAYERDISK to where it is`;
      throw new StowageError('internal-error', message, { cause: startError });
    }
    const output = parseJson(this.#output);
    if (exitCode === 0) {
      const report = Report.safeParse(output);
      if (report.success) return report.data;
    }
    const failure = Failure.safeParse(output);
    if (failure.success) throw this.#refusal(failure.data.error);
    const how = signal === null ? `exit code ${exitCode}` : signal;
    const complaint = this.#complaint.trim();
    throw new StowageError(
      'internal-error',
      `layerdisk ended without a report (${how})${complaint ? `: ${complaint}` : ''}`,
    );
  }

  /** At once; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    this.#child.stdin.destroy();
    await this.#ending;
  }

  #refusal({ code, message }: { readonly code: string; readonly message: string }): StowageError {
    if (OF_THE_LAYER.has(code)) return new StowageError('layer-invalid', message);
    if (code === 'too-large') {
      const { maxBytes } = this.#settings;
      return new StowageError('layer-too-large', `${message} (STOWAGE_MAX_LAYER_SIZE is ${maxBytes} bytes)`);
    }
    const where = code === 'disk-failed' ? ` in ${this.#settings.tempDir}: see STOWAGE_SPOOL_DIR` : '';
    return new StowageError('internal-error', `layerdisk: ${message}${where}`);
  }
}
