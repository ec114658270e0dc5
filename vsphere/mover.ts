import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { getCACertificates } from 'node:tls';
import { z } from 'zod';
import { StowageError } from '../core/errors.ts';
import { codeOf } from '../platform/system-error.ts';
import { abortError } from './abort.ts';
import { ExchangeError } from './network-error.ts';
import { CONNECT_TIMEOUT_MS, type Trust } from './trust.ts';

// The program `mover` (vsphere/mover) sends a file to a datastore and reads it back. Bytes of that size stay out of this process: each
// piece would be a buffer outside of V8's heap, until its collector comes by.

const Line = z.union([
  z.object({ connected: z.literal(true) }),
  z.object({ sent: z.number() }),
  z.object({ read: z.number() }),
  z.object({ found: z.enum(['same', 'different', 'missing']) }),
  z.object({
    error: z.object({
      kind: z.enum(['refused', 'untrusted', 'unreachable', 'local']),
      message: z.string(),
      status: z.number().optional(),
      while: z.enum(['PUT', 'GET']).optional(),
      wasSent: z.boolean(),
      wasCut: z.boolean(),
    }),
  }),
]);
type Line = Readonly<z.infer<typeof Line>>;

/** What is on the datastore beside the file; or the server's refusal. */
export type Moved =
  | { readonly type: 'compared'; readonly found: 'same' | 'different' | 'missing' }
  | { readonly type: 'refused'; readonly status: number; readonly method: 'PUT' | 'GET' };

export interface MoveOrder {
  /** With its query. */
  readonly path: string;
  readonly cookie: string;
  readonly file: string;
  readonly sizeBytes: number;
  /** It was sent already, and is to be compared only. */
  readonly isThere: boolean;
}

export interface MoveCall {
  readonly signal: AbortSignal;
  /** Called right before the PUT; when it throws nothing is sent. */
  readonly beforeSend: () => void;
  /** Bytes that were sent, and bytes that were read back. */
  readonly onProgress: (bytes: number) => void;
}

export interface MoverOptions {
  readonly program: string;
  readonly url: URL;
  readonly trust: Trust;
  /** Between any two signs of life. */
  readonly timeoutMs: number;
}

/** Processes at once: more are not faster, and each is a connection to vCenter. */
const MAX_RUNS = 4;
const MAX_COMPLAINT = 4_096;

export class Mover {
  readonly #options: MoverOptions;
  readonly #waiting: (() => void)[] = [];
  #runs = 0;
  #authorities: string | undefined;

  constructor(options: MoverOptions) {
    this.#options = options;
  }

  /** @throws ExchangeError `vcenter-unreachable`, `vcenter-untrusted`; `internal-error`; what `beforeSend` throws; the signal's reason */
  async move(order: MoveOrder, call: MoveCall): Promise<Moved> {
    await this.#begin(call.signal);
    try {
      return await this.#run(order, call);
    } finally {
      this.#runs -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #begin(signal: AbortSignal): Promise<void> {
    while (this.#runs >= MAX_RUNS && !signal.aborted) await this.#wait(signal);
    if (signal.aborted) {
      this.#waiting.shift()?.();
      throw abortError(signal);
    }
    this.#runs += 1;
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        signal.removeEventListener('abort', go);
        const index = this.#waiting.indexOf(go);
        if (index !== -1) this.#waiting.splice(index, 1);
        resolve();
      };
      this.#waiting.push(go);
      signal.addEventListener('abort', go, { once: true });
    });
  }

  async #run(order: MoveOrder, call: MoveCall): Promise<Moved> {
    const run = new MoverRun(this.#options);
    const onAbort = (): void => run.kill();
    call.signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await run.carryOut(this.#text(order), call);
    } catch (error) {
      throw call.signal.aborted ? abortError(call.signal) : error;
    } finally {
      call.signal.removeEventListener('abort', onAbort);
      run.kill();
      await run.ended;
    }
  }

  /** Never as arguments or environment: other users of the machine could read those. */
  #text({ path, ...order }: MoveOrder): string {
    const { url, timeoutMs } = this.#options;
    const waits = { connectMs: CONNECT_TIMEOUT_MS, stallMs: timeoutMs };
    return `${JSON.stringify({ ...order, ...waits, url: `${url.origin}${path}`, trust: this.#trust() })}\n`;
  }

  /** The program knows no authorities of its own: it believes whom this process believes. */
  #trust(): Exclude<Trust, 'system'> {
    const { trust, url } = this.#options;
    if (trust !== 'system') return trust;
    if (url.protocol !== 'https:') return { caPem: '' };
    this.#authorities ??= [...new Set([...getCACertificates('default'), ...getCACertificates('system')])].join('\n');
    return { caPem: this.#authorities };
  }
}

/** One run of the program. It ends when its input does, so it never outlives this process. */
class MoverRun {
  readonly ended: Promise<string>;
  readonly #options: MoverOptions;
  readonly #child: ChildProcessWithoutNullStreams;
  #complaint = '';

  constructor(options: MoverOptions) {
    this.#options = options;
    // It needs nothing of the environment, where secrets are.
    const child = spawn(options.program, { env: {}, stdio: 'pipe' });
    this.#child = child;
    this.ended = new Promise((resolve) => {
      child.once('error', (error) =>
        resolve(`it does not start (${options.program}: ${codeOf(error)}): see STOWAGE_MOVER`),
      );
      child.once('close', (exitCode, signal) =>
        resolve(`it ended without a result (${signal ?? `exit code ${exitCode}`})`),
      );
    });
    child.stdin.on('error', () => undefined);
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-MAX_COMPLAINT);
    });
  }

  async carryOut(order: string, call: MoveCall): Promise<Moved> {
    const { stdin, stdout } = this.#child;
    stdin.write(order);
    let sent = 0;
    for await (const text of createInterface({ input: stdout })) {
      const line = parsed(text);
      if ('connected' in line) {
        call.beforeSend();
        stdin.write('go\n');
      } else if ('sent' in line) call.onProgress((sent = line.sent));
      else if ('read' in line) call.onProgress(sent + line.read);
      else if ('found' in line) return { type: 'compared', found: line.found };
      else return this.#failed(line.error);
    }
    const how = await this.ended;
    throw new StowageError('internal-error', `mover: ${[how, this.#complaint.trim()].filter(Boolean).join(': ')}`);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
    this.#child.stdin.destroy();
  }

  #failed({
    kind,
    message,
    status,
    while: method,
    wasSent,
    wasCut,
  }: Extract<Line, { error: unknown }>['error']): Moved {
    const { host } = this.#options.url;
    const facts = { cause: undefined, wasSent, wasCut };
    switch (kind) {
      case 'refused':
        return { type: 'refused', status: status ?? 0, method: method ?? 'PUT' };
      case 'untrusted':
        throw new ExchangeError('vcenter-untrusted', `${host} is not trusted: ${message}`, facts);
      case 'unreachable':
        throw new ExchangeError('vcenter-unreachable', `no answer from ${host}: ${message}`, facts);
      case 'local':
        throw new StowageError('internal-error', `what is to be uploaded cannot be read: ${message}`);
      default:
        return kind satisfies never;
    }
  }
}

function parsed(text: string): Line {
  try {
    return Line.parse(JSON.parse(text));
  } catch (cause) {
    throw new StowageError('internal-error', 'mover said something that is not of its protocol', { cause });
  }
}
