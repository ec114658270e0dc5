import type { IncomingHttpHeaders } from 'node:http';
import { type Dispatcher, Pool } from 'undici';
import { StowageError } from '../core/errors.ts';
import { abortError } from './abort.ts';
import { networkError } from './network-error.ts';
import { connectorFor, type Trust } from './trust.ts';

export interface Exchange {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal | undefined;
  /** Until the answer begins, and then between any two pieces of it. */
  readonly timeoutMs: number;
  /** Called synchronously right before the request is written to its connection; when it throws nothing is sent. */
  readonly beforeSend?: (() => void) | undefined;
  /** Long polls have a connection of their own, so that calls never wait for them. */
  readonly isPoll?: boolean;
  readonly maxBytes?: number;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface TransportOptions {
  readonly url: URL;
  readonly trust: Trust;
  readonly maxConnections: number;
}

const DEFAULT_MAX_BYTES = 64 * 1_048_576;

/** HTTP to one server over a bounded set of kept connections. Never retries, never logs, keeps nothing of what it sends. */
export class Transport {
  /** Host and port, for messages. */
  readonly server: string;
  readonly hostname: string;
  readonly #calls: Pool;
  readonly #polls: Pool;

  constructor(options: TransportOptions) {
    this.server = options.url.host;
    this.hostname = options.url.hostname;
    const connect = connectorFor(options.trust);
    const common = { connect, keepAliveTimeout: 30_000, keepAliveMaxTimeout: 60_000 };
    this.#calls = new Pool(options.url.origin, { ...common, connections: options.maxConnections });
    this.#polls = new Pool(options.url.origin, { ...common, connections: 1 });
  }

  /**
   * @throws ExchangeError `vcenter-unreachable`, `vcenter-untrusted`; what `beforeSend` throws; the signal's reason as a
   * StowageError (`deadline-exceeded` for a timeout, else `job-cancelled`)
   */
  send(exchange: Exchange): Promise<Reply> {
    const { signal } = exchange;
    if (signal?.aborted === true) return Promise.reject(abortError(signal));
    return new Promise((resolve, reject) => {
      const handler = new ExchangeHandler(exchange, this.server, resolve, reject);
      const pool = exchange.isPoll === true ? this.#polls : this.#calls;
      const { method, path, headers, timeoutMs, body = null } = exchange;
      pool.dispatch(
        { method, path, headers: { ...headers }, body, headersTimeout: timeoutMs, bodyTimeout: timeoutMs },
        handler,
      );
    });
  }

  /** Ends requests under way. */
  async close(): Promise<void> {
    await Promise.all([this.#calls.destroy(), this.#polls.destroy()]);
  }
}

class ExchangeHandler implements Dispatcher.DispatchHandler {
  readonly #exchange: Exchange;
  readonly #server: string;
  readonly #resolve: (reply: Reply) => void;
  readonly #reject: (error: StowageError) => void;
  readonly #chunks: Buffer[] = [];
  #controller: Dispatcher.DispatchController | undefined;
  #wasSent = false;
  #bytes = 0;
  #status = 0;
  #headers: IncomingHttpHeaders = {};

  constructor(
    exchange: Exchange,
    server: string,
    resolve: (reply: Reply) => void,
    reject: (error: StowageError) => void,
  ) {
    this.#exchange = exchange;
    this.#server = server;
    this.#resolve = resolve;
    this.#reject = reject;
    exchange.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  readonly #onAbort = (): void => {
    const { signal } = this.#exchange;
    if (signal === undefined) return;
    const error = abortError(signal);
    this.#fail(error);
    this.#controller?.abort(error);
  };

  #fail(error: StowageError): void {
    this.#exchange.signal?.removeEventListener('abort', this.#onAbort);
    this.#reject(error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    const { signal, beforeSend } = this.#exchange;
    if (signal?.aborted === true) throw abortError(signal);
    beforeSend?.();
    this.#controller = controller;
    this.#wasSent = true;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    const limit = this.#exchange.maxBytes ?? DEFAULT_MAX_BYTES;
    if (this.#bytes <= limit) this.#chunks.push(chunk);
    else controller.abort(new StowageError('vcenter-garbled', `the answer has more than ${limit} bytes`));
  }

  onResponseEnd(): void {
    this.#exchange.signal?.removeEventListener('abort', this.#onAbort);
    const [first] = this.#chunks;
    const body = this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks);
    this.#resolve({ status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(networkError(error, this.#server, this.#wasSent));
  }
}
