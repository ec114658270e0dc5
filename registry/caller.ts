import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { StowageError } from '../core/errors.ts';
import type { Clock, RandomBytes } from '../platform/clock.ts';
import { pause } from '../platform/pause.ts';
import type { Connections } from './connections.ts';
import type { Endpoint } from './endpoint.ts';
import { abortError, NetworkFailure, networkFailure } from './failure.ts';
import { type Purpose, traced } from './telemetry.ts';
import type { RegistryTuning } from './tuning.ts';
import { backoffMs } from './tuning.ts';

export interface Call {
  readonly endpoint: Endpoint;
  readonly purpose: Purpose;
  /** Below the endpoint's `/v2/`, with its query; or elsewhere (a token server). */
  readonly target: string | URL;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The `Authorization` header: for the origin that is asked first, and no other. */
  readonly authorization?: string | undefined;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Where it came from in the end. */
  readonly url: URL;
  readonly isRedirected: boolean;
  /** To be read to its end, or dropped. */
  readonly body: Dispatcher.ResponseData['body'];
}

interface CallerOptions {
  readonly connections: Connections;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly tuning: RegistryTuning;
}

const MAX_REDIRECTS = 5;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
const MAX_WAITS = 3;

/** Requests to registries: finds the scheme, follows redirects, waits where it is asked to. Knows nothing of authentication. */
export class Caller {
  readonly #options: CallerOptions;
  /** What an insecure registry was found to speak. */
  readonly #plain = new Map<string, URL>();

  constructor(options: CallerOptions) {
    this.#options = options;
  }

  /** An answer of any status but a redirect's, 429 and a 503 that names a time. */
  async send(call: Call): Promise<Answer> {
    for (let waits = 0; ; waits += 1) {
      const answer = await this.#sendOnce(call);
      const waitMs = this.#waitMs(answer, waits);
      if (waitMs === undefined) return answer;
      await drop(answer);
      if (waits >= MAX_WAITS || waitMs > this.#options.tuning.maxRetryAfterMs) throw busy(call.endpoint, waitMs);
      await pause(waitMs, call.signal);
      if (call.signal.aborted) throw abortError(call.signal);
    }
  }

  #waitMs({ status, headers }: Answer, waits: number): number | undefined {
    if (status !== 429 && status !== 503) return undefined;
    const asked = retryAfterMs(headers['retry-after'], this.#options.clock.nowMs());
    if (asked !== undefined) return asked;
    return status === 429 ? backoffMs(waits, this.#options) : undefined;
  }

  async #sendOnce(call: Call): Promise<Answer> {
    if (call.target instanceof URL) return this.#follow(call, call.target);
    const { bases, name } = call.endpoint;
    const known = this.#plain.get(name);
    if (known !== undefined) {
      try {
        return await this.#follow(call, new URL(call.target, known));
      } catch (error) {
        // It may speak TLS when it is back.
        this.#plain.delete(name);
        throw error;
      }
    }
    const [first, second] = bases;
    try {
      return await this.#follow(call, new URL(call.target, first));
    } catch (error) {
      if (second === undefined || !mayBePlain(error, first)) throw error;
    }
    const answer = await this.#follow(call, new URL(call.target, second));
    this.#plain.set(name, second);
    return answer;
  }

  async #follow(call: Call, start: URL): Promise<Answer> {
    let url = start;
    for (let redirects = 0; ; redirects += 1) {
      const answer = await this.#exchange(call, url, url.origin === start.origin);
      const location = answer.headers.location;
      if (!REDIRECTS.includes(answer.status) || location === undefined) {
        return { ...answer, isRedirected: url.origin !== start.origin };
      }
      await drop(answer);
      const next = URL.parse(location, url.href);
      if (next === null || !['http:', 'https:'].includes(next.protocol) || redirects >= MAX_REDIRECTS) {
        throw new StowageError('registry-failed', `${call.endpoint.name} redirects without end, or to nowhere`);
      }
      if (url.protocol === 'https:' && next.protocol === 'http:') {
        const message = `${url.host} redirects to plain HTTP at ${next.host}, which is not followed`;
        throw new StowageError('registry-failed', message);
      }
      url = next;
    }
  }

  /** Once more when a kept connection turns out to have been closed. */
  async #exchange(call: Call, url: URL, isOwn: boolean): Promise<Answer> {
    try {
      return await this.#request(call, url, isOwn);
    } catch (error) {
      if (!(error instanceof NetworkFailure) || !error.isCut) throw error;
      return await this.#request(call, url, isOwn);
    }
  }

  #request(call: Call, url: URL, isOwn: boolean): Promise<Answer> {
    const { method = 'GET', signal, authorization } = call;
    const { answerTimeoutMs, stallTimeoutMs } = this.#options.tuning;
    return traced({ purpose: call.purpose, method, url }, async () => {
      if (signal.aborted) throw abortError(signal);
      const dispatcher = await this.#options.connections.dispatcherFor(call.endpoint, url);
      try {
        const response = await dispatcher.request({
          origin: url.origin,
          path: `${url.pathname}${url.search}`,
          method,
          signal,
          headers: {
            'user-agent': 'stowage',
            'accept-encoding': 'identity',
            ...call.headers,
            ...(isOwn && authorization !== undefined ? { authorization } : {}),
          },
          body: call.body ?? null,
          headersTimeout: answerTimeoutMs,
          bodyTimeout: stallTimeoutMs,
        });
        const { statusCode: status, headers, body } = response;
        return { status, headers, body, url, isRedirected: false };
      } catch (error) {
        throw networkFailure(error, url.host, signal);
      }
    });
  }
}

/** What does not speak TLS; and a host without a port whose port 443 nobody listens on, when 80 is left to try. */
function mayBePlain(error: unknown, base: URL): boolean {
  if (!(error instanceof NetworkFailure)) return false;
  return error.isPlain || error.isCut || (error.code === 'registry-unreachable' && base.port === '');
}

function busy(endpoint: Endpoint, waitMs: number): StowageError {
  const message = `${endpoint.name} has had too many requests and asks to wait ${Math.ceil(waitMs / 1_000)} s`;
  return new StowageError('registry-busy', message, { retryAfterMs: waitMs });
}

/** Seconds or a date (RFC 9110 §10.2.3). */
function retryAfterMs(header: string | readonly string[] | undefined, nowMs: number): number | undefined {
  const text = typeof header === 'string' ? header.trim() : '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  const atMs = text === '' ? Number.NaN : Date.parse(text);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}

/** So that the connection serves again; a long body ends the connection instead. */
export async function drop(answer: Answer): Promise<void> {
  await answer.body.dump({ limit: 65_536 }).catch(() => undefined);
}

/** @throws {StowageError} when it has more bytes than `limit`, or breaks */
export async function readAll(answer: Answer, limit: number, call: Call): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer.body) {
      if (!Buffer.isBuffer(chunk)) continue;
      bytes += chunk.length;
      if (bytes > limit) throw tooLong(call, limit);
      chunks.push(chunk);
    }
  } catch (error) {
    throw networkFailure(error, answer.url.host, call.signal);
  }
  return Buffer.concat(chunks);
}

function tooLong(call: Call, limit: number): StowageError {
  const isImage = call.purpose === 'manifest' || call.purpose === 'config';
  const message = `the ${call.purpose} that ${call.endpoint.name} gave has more than ${limit} bytes`;
  return new StowageError(isImage ? 'image-invalid' : 'registry-failed', message);
}
