import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { type LookupFunction, isIP } from 'node:net';
import { getCACertificates } from 'node:tls';
import { callbackify } from 'node:util';
import { Agent, request } from 'undici';
import { hostOf, type TargetGuard } from '../../core/webhook-target.ts';
import type { WebhookMessage } from './message.ts';

/** What came back, of which only the beginning is kept; or why nothing, or not all of it, did. */
export interface WebhookAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly error?: string;
}

export interface WebhookSender {
  /** Never rejects. No redirect is followed. When the signal fires, the answer has an error. */
  send(url: string, message: WebhookMessage, signal: AbortSignal): Promise<WebhookAnswer>;
  close(): Promise<void>;
}

type Resolve = (hostname: string) => Promise<LookupAddress[]>;

export interface SenderParts {
  readonly guard: TargetGuard;
  /** PEM certificates of authorities that are trusted beside those Node.js knows. */
  readonly caPem?: string;
  /** Default: 15 s for the whole exchange, as Standard Webhooks recommends. */
  readonly timeoutMs?: number;
  /** All addresses of a name. Default: the system's resolver. */
  readonly resolve?: Resolve;
}

const TIMEOUT_MS = 15_000;
/** Shorter than what servers commonly keep a connection for, so that none is used that the other side is just closing. */
const KEEP_ALIVE_MS = 2_000;
const BODY_KEPT_BYTES = 1_024;
/** More of an answer is not waited for. */
const BODY_READ_BYTES = 65_536;
const HEADERS_KEPT = 12;
const HEADER_KEPT_CHARACTERS = 120;

/**
 * Sends over connections that go to checked addresses only: a name is resolved once for each connection, every address that it has is
 * checked, and the connection goes to one of those. TLS and the Host header still have the name.
 */
export function createWebhookSender(parts: SenderParts): WebhookSender {
  const { guard, caPem } = parts;
  // Connections are not bounded here: the relay bounds what one endpoint has under way, and endpoints on one host must not wait for each other.
  const agent = new Agent({
    connect: {
      lookup: guardedLookup(guard, parts.resolve ?? ((hostname) => lookup(hostname, { all: true }))),
      ...(caPem === undefined ? {} : { ca: [...getCACertificates('default'), caPem] }),
    },
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
  });
  return {
    async send(url, message, signal) {
      const refused = explain(guard, url);
      if (refused !== undefined) return { error: refused };
      const timeUp = AbortSignal.timeout(parts.timeoutMs ?? TIMEOUT_MS);
      const answer: { -readonly [K in keyof WebhookAnswer]: WebhookAnswer[K] } = {};
      try {
        const { statusCode, headers, body } = await request(url, {
          method: 'POST',
          headers: message.headers,
          body: message.body,
          dispatcher: agent,
          signal: AbortSignal.any([signal, timeUp]),
        });
        answer.status = statusCode;
        answer.headers = headersKept(headers);
        answer.body = await readBeginning(body);
      } catch (error) {
        answer.error = timeUp.aborted ? 'the receiver took too long' : wordsOf(error);
      }
      return answer;
    },
    close: () => agent.destroy(),
  };
}

/** A URL with an address in place of a name is never looked up, and settings may have become stricter since it was set. */
function explain(guard: TargetGuard, text: string): string | undefined {
  const fault = guard.explainUrl(text);
  if (fault === undefined) return undefined;
  return isIP(hostOf(new URL(text))) === 0 ? `the URL ${fault}` : fault;
}

function guardedLookup(guard: TargetGuard, resolve: Resolve): LookupFunction {
  const look = callbackify((hostname: string) => checkedAddresses(guard, hostname, resolve));
  return (hostname, options, callback) => {
    look(hostname, (error, found) => {
      if (error !== null) callback(error, '', 0);
      else if (options.all === true) callback(null, [...found]);
      else callback(null, found[0].address, found[0].family);
    });
  };
}

/** @throws when one may not be connected to: a bad address among good ones is no accident either */
async function checkedAddresses(
  guard: TargetGuard,
  hostname: string,
  resolve: Resolve,
): Promise<readonly [LookupAddress, ...LookupAddress[]]> {
  const [first, ...others] = await resolve(hostname);
  if (first === undefined) throw new Error(`${hostname} has no address`);
  const faults = [first, ...others].map(({ address }) => guard.explainAddress(address));
  const refused = faults.find((fault) => fault !== undefined);
  if (refused !== undefined) throw new Error(`${hostname} is refused: ${refused}`);
  return [first, ...others];
}

async function readBeginning(body: AsyncIterable<Uint8Array>): Promise<string> {
  const kept: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    if (size < BODY_KEPT_BYTES) kept.push(chunk);
    size += chunk.length;
    if (size > BODY_READ_BYTES) break;
  }
  return Buffer.concat(kept).subarray(0, BODY_KEPT_BYTES).toString('utf8');
}

/** Cookies are somebody's credentials. */
function headersKept(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => name !== 'set-cookie');
  return Object.fromEntries(
    kept.slice(0, HEADERS_KEPT).map(([name, value]) => [name, String(value).slice(0, HEADER_KEPT_CHARACTERS)]),
  );
}

/** For people who read the delivery log. Several attempts to connect are one error of many. */
function wordsOf(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return wordsOf(thrown.errors[0]);
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown.name === 'AbortError') return 'the relay stopped';
  return thrown.message === '' ? thrown.name : thrown.message;
}
