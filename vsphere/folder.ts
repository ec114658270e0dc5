import type { ErrorCode } from '../core/error-codes.ts';
import { StowageError } from '../core/errors.ts';
import { type DatastorePath, splitDatastorePath } from '../core/ids.ts';
import type { LocalFile } from '../core/ports/data-centre.ts';
import type { Fence } from '../core/ports/fence.ts';
import type { Mover } from './mover.ts';
import { ExchangeError } from './network-error.ts';
import type { Places } from './places.ts';
import type { Login, Session } from './session.ts';
import { traced } from './telemetry.ts';
import type { Exchange, Reply, Transport } from './transport.ts';

// Datastore files over HTTP: `/folder/<path>?dcPath=<datacenter>&dsName=<datastore>`, with the SOAP session's cookie.
// Source: vSphere Web Services SDK Programming Guide, "Datastore access over HTTP".

const MAX_FILE_BYTES = 1_048_576;
/** Logins that one upload may need: one when it is sent, one when it is read back. */
const MAX_RENEWALS = 2;

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
  readonly mover: Mover;
  readonly session: Session;
  readonly places: Places;
  readonly timeoutMs: number;
}

interface Request extends Pick<Exchange, 'method' | 'signal' | 'beforeSend'> {
  readonly body?: Uint8Array;
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

  /** Sends a file of this machine, reads it back and compares. @throws `vcenter-garbled` when something else is there then */
  async upload(path: DatastorePath, local: LocalFile, fence: Fence): Promise<void> {
    const { places, transport } = this.#options;
    const { path: dcPath } = await places.datacenter(fence.signal);
    const server = transport.hostname;
    const found = await traced({ method: 'folder PUT', server }, () => this.#move(path, dcPath, local, fence));
    if (found !== 'same')
      throw new StowageError('vcenter-garbled', `what was uploaded to ${path} is ${found} when it is read back`);
  }

  async #move(
    path: DatastorePath,
    dcPath: string,
    { file, sizeBytes, onProgress }: LocalFile,
    fence: Fence,
  ): Promise<'same' | 'different' | 'missing'> {
    const { session, mover } = this.#options;
    const { signal } = fence;
    const call = {
      signal,
      beforeSend: (): void => fence.assertHeld(),
      onProgress: (bytes: number): void => onProgress?.(bytes),
    };
    let login = await session.current(signal);
    let isThere = false;
    for (let renewals = 0; ; renewals += 1) {
      const order = { path: targetOf(path, dcPath), cookie: login.cookie, file, sizeBytes, isThere };
      const moved = await mover.move(order, call);
      if (moved.type === 'compared') return moved.found;
      const { method, status } = moved;
      if (status !== 401 || renewals === MAX_RENEWALS) throw this.#error(method, path, { status });
      isThere = method === 'GET';
      login = await session.renew(login, signal);
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
    const headers = { Cookie: login.cookie, 'Content-Type': 'application/octet-stream' };
    return transport.send({ ...request, path, headers, timeoutMs, maxBytes: MAX_FILE_BYTES });
  }

  #error(method: string, path: DatastorePath, reply: Pick<Reply, 'status'>): StowageError {
    const code = STATUS_CODES[reply.status] ?? 'vcenter-fault';
    return new StowageError(code, `${method} of ${path} was answered with HTTP ${reply.status}`);
  }
}

function targetOf(path: DatastorePath, dcPath: string): string {
  const { datastore, path: inner } = splitDatastorePath(path);
  const file = inner.split('/').map(encodeURIComponent).join('/');
  return `/folder/${file}?dcPath=${encodeURIComponent(dcPath)}&dsName=${encodeURIComponent(datastore)}`;
}
