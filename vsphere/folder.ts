import { open } from 'node:fs/promises';
import { type ErrorCode, StowageError } from '../core/errors.ts';
import { type DatastorePath, splitDatastorePath } from '../core/ids.ts';
import { openComparison } from './comparison.ts';
import type { LocalFile } from '../core/ports/data-centre.ts';
import type { Fence } from '../core/ports/fence.ts';
import { ExchangeError } from './network-error.ts';
import type { Places } from './places.ts';
import type { Login, Session } from './session.ts';
import { traced } from './telemetry.ts';
import type { Exchange, Reply, Transport } from './transport.ts';

// Datastore files over HTTP: `/folder/<path>?dcPath=<datacenter>&dsName=<datastore>`, with the SOAP session's cookie.
// Source: vSphere Web Services SDK Programming Guide, "Datastore access over HTTP".

const MAX_FILE_BYTES = 1_048_576;
/** Of an upload, read and sent at once. */
const CHUNK_BYTES = 1_048_576;

const STATUS_CODES: Readonly<Record<number, ErrorCode>> = {
  400: 'vcenter-invalid',
  401: 'vcenter-login-refused',
  403: 'vcenter-no-permission',
  404: 'vcenter-not-found',
  409: 'vcenter-exists',
  423: 'file-locked',
  500: 'vcenter-fault',
  502: 'vcenter-unreachable',
  503: 'vcenter-unreachable',
  504: 'vcenter-unreachable',
  507: 'store-full',
};

export interface FolderOptions {
  readonly transport: Transport;
  readonly session: Session;
  readonly places: Places;
  readonly timeoutMs: number;
}

interface Request extends Pick<Exchange, 'method' | 'signal' | 'beforeSend' | 'onData'> {
  readonly body?: Uint8Array;
  /** A stream can be sent once: made anew when the session has to be renewed. */
  readonly stream?: { readonly open: () => AsyncIterable<Uint8Array>; readonly sizeBytes: number };
}

export class Folder {
  readonly #options: FolderOptions;

  constructor(options: FolderOptions) {
    this.#options = options;
  }

  /** undefined: no such file. @throws StowageError `vcenter-invalid` when it has more than MAX_FILE_BYTES */
  async get(path: DatastorePath, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const send = (): Promise<Reply> => this.#send({ method: 'GET', signal }, path);
    const reply = await send().catch((error: unknown) => {
      if (error instanceof ExchangeError && error.wasCut) return send();
      throw error;
    });
    if (reply.status === 404) return undefined;
    if (reply.status !== 200) throw this.#error('GET', path, reply);
    return reply.body;
  }

  async put(path: DatastorePath, bytes: Uint8Array, fence: Fence): Promise<void> {
    if (bytes.length > MAX_FILE_BYTES) throw new StowageError('vcenter-invalid', `${path} would have more than 1 MiB`);
    const beforeSend = (): void => fence.assertHeld();
    const reply = await this.#send({ method: 'PUT', body: bytes, signal: fence.signal, beforeSend }, path);
    if (![200, 201, 204].includes(reply.status)) throw this.#error('PUT', path, reply);
  }

  /** Streams a file of this machine. */
  async upload(path: DatastorePath, { file, sizeBytes, onProgress }: LocalFile, fence: Fence): Promise<void> {
    const beforeSend = (): void => fence.assertHeld();
    const openAnew = (): AsyncIterable<Uint8Array> => chunksOf(file, onProgress ?? (() => undefined));
    const request: Request = { method: 'PUT', stream: { open: openAnew, sizeBytes }, signal: fence.signal, beforeSend };
    const reply = await this.#send(request, path);
    if (![200, 201, 204].includes(reply.status)) throw this.#error('PUT', path, reply);
  }

  /** Reads all of a file and compares it, byte by byte, with one of this machine. */
  async compare(
    path: DatastorePath,
    { file, sizeBytes, onProgress }: LocalFile,
    signal: AbortSignal,
  ): Promise<'same' | 'different' | 'missing'> {
    const local = await openComparison(file);
    try {
      const onData = (chunk: Buffer): void => onProgress?.(local.take(chunk));
      const reply = await this.#send({ method: 'GET', signal, onData }, path);
      if (reply.status === 404) return 'missing';
      if (reply.status !== 200) throw this.#error('GET', path, reply);
      return local.isSame(sizeBytes) ? 'same' : 'different';
    } finally {
      await local.close();
    }
  }

  async #send(request: Request, path: DatastorePath): Promise<Reply> {
    const { session, places, transport } = this.#options;
    const signal = request.signal ?? AbortSignal.timeout(this.#options.timeoutMs);
    const { path: dcPath } = await places.datacenter(signal);
    const target = targetOf(path, dcPath);
    return traced({ method: `folder ${request.method}`, server: transport.hostname }, async () => {
      const login = await session.current(signal);
      const reply = await this.#sendAs(login, request, target);
      if (reply.status !== 401) return reply;
      return this.#sendAs(await session.renew(login, signal), request, target);
    });
  }

  async #sendAs(login: Login, request: Request, path: string): Promise<Reply> {
    const { transport, timeoutMs } = this.#options;
    const { stream, ...rest } = request;
    const headers = {
      Cookie: login.cookie,
      'Content-Type': 'application/octet-stream',
      ...(stream === undefined ? {} : { 'Content-Length': String(stream.sizeBytes) }),
    };
    const body = stream === undefined ? {} : { body: stream.open() };
    return transport.send({ ...rest, ...body, path, headers, timeoutMs, maxBytes: MAX_FILE_BYTES });
  }

  #error(method: string, path: DatastorePath, reply: Reply): StowageError {
    const code = STATUS_CODES[reply.status] ?? 'vcenter-fault';
    return new StowageError(code, `${method} of ${path} was answered with HTTP ${reply.status}`);
  }
}

/**
 * One buffer for all of the file: new ones would be most of what an upload costs. It is filled anew when the next chunk is asked for, and
 * an HTTP client asks when the chunk before is out of its hands; only one that is smaller than the socket's buffer may still be in them,
 * and that is the last.
 */
async function* chunksOf(file: string, onProgress: (bytes: number) => void): AsyncGenerator<Uint8Array, void> {
  const handle = await open(file);
  try {
    const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    for (let sent = 0; ; ) {
      let filled = 0;
      for (let read = -1; read !== 0 && filled < CHUNK_BYTES; filled += read)
        read = (await handle.read(buffer, filled, CHUNK_BYTES - filled)).bytesRead;
      if (filled === 0) return;
      yield buffer.subarray(0, filled);
      onProgress((sent += filled));
      if (filled < CHUNK_BYTES) return;
    }
  } finally {
    await handle.close();
  }
}

function targetOf(path: DatastorePath, dcPath: string): string {
  const { datastore, path: inner } = splitDatastorePath(path);
  const file = inner.split('/').map(encodeURIComponent).join('/');
  return `/folder/${file}?dcPath=${encodeURIComponent(dcPath)}&dsName=${encodeURIComponent(datastore)}`;
}
