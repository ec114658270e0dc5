import { randomUUID } from 'node:crypto';
import { type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { Failure, failureOf } from './failure.ts';
import type { Connection } from './settings.ts';

// REST as a command sees it. Node's own client: it starts in no time, and a CA of one's own is an option of it.

/** Who has heard of the API once waits so long for it to come back: it may be restarted while a job is waited for. */
const PATIENCE_MS = 60_000;
const PAUSE_MS = 500;
const MAX_PAUSE_MS = 5_000;
/** Longer than the API lets a caller wait for a job. */
const ANSWER_TIMEOUT_MS = 90_000;

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface Call {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Relative to the API, e.g. `v1/jobs`. */
  readonly path: string;
  readonly query?: Query | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

export interface Client {
  readonly connection: Connection;
  /** Repeats what is safe to repeat while the API is away. @throws Failure for every status but 2xx */
  call(call: Call): Promise<Answer>;
  get(path: string, query?: Query, signal?: AbortSignal): Promise<unknown>;
  /** Whatever the status. @throws Failure when there is no answer */
  ask(call: Call): Promise<Answer>;
  /** The answer as it comes. @throws Failure for every status but 2xx */
  open(call: Call): Promise<IncomingMessage>;
}

export function createClient(connection: Connection, agentName: string): Client {
  let hasAnswered = false;

  const send = async (call: Call): Promise<IncomingMessage> => {
    const answer = await sendOnce(connection, call, agentName);
    hasAnswered = true;
    return answer;
  };
  const ask = async (call: Call): Promise<Answer> => {
    const answer = await send(call);
    const body = await readBody(answer, connection);
    return { status: answer.statusCode ?? 0, headers: answer.headers, body };
  };
  const call = async (wanted: Call): Promise<Answer> => {
    const isRepeatable = (wanted.method ?? 'GET') === 'GET' || wanted.headers?.['idempotency-key'] !== undefined;
    const giveUpAtMs = Date.now() + PATIENCE_MS;
    for (let pauseMs = PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
      const outcome = await ask(wanted).then(
        (answer) => (isSuccess(answer.status) ? answer : failureOf(answer.status, answer.body, connection.url.href)),
        (error: unknown) => error,
      );
      if (!(outcome instanceof Error)) return outcome as Answer;
      const isAway = outcome instanceof Failure && outcome.exit === 'unreachable';
      if (!isAway || !isRepeatable || !hasAnswered || Date.now() + pauseMs > giveUpAtMs) throw outcome;
      await pause(pauseMs, undefined, wanted.signal === undefined ? {} : { signal: wanted.signal });
    }
  };
  return {
    connection,
    call,
    ask,
    get: async (path, query, signal) => (await call({ path, query, ...(signal === undefined ? {} : { signal }) })).body,
    async open(wanted) {
      const answer = await send(wanted);
      if (isSuccess(answer.statusCode ?? 0)) return answer;
      throw failureOf(answer.statusCode ?? 0, await readBody(answer, connection), connection.url.href);
    },
  };
}

/** For a submission: whatever happens to the answer, the same request again is the same job. */
export function newIdempotencyKey(): string {
  return `cli-${randomUUID()}`;
}

const isSuccess = (status: number): boolean => status >= 200 && status < 300;

function urlOf({ url }: Connection, { path, query = {} }: Call): URL {
  const target = new URL(path, url);
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const each of Array.isArray(value) ? value : [value]) target.searchParams.append(name, String(each));
  }
  return target;
}

async function sendOnce(connection: Connection, call: Call, agentName: string): Promise<IncomingMessage> {
  const url = urlOf(connection, call);
  const body = call.body === undefined ? undefined : JSON.stringify(call.body);
  const headers = {
    accept: 'application/json',
    'user-agent': agentName,
    ...(connection.key === undefined ? {} : { authorization: `Bearer ${connection.key}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    ...call.headers,
  };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
    method: call.method ?? 'GET',
    headers,
    timeout: ANSWER_TIMEOUT_MS,
    ...(connection.ca === undefined ? {} : { ca: connection.ca }),
    ...(call.signal === undefined ? {} : { signal: call.signal }),
  });
  request.once('response', resolve).once('error', reject);
  request.once('timeout', () => request.destroy(new Error(`no answer within ${ANSWER_TIMEOUT_MS / 1_000} seconds`)));
  request.end(body);
  try {
    return await promise;
  } catch (error) {
    throw unreachable(connection, error, call.signal);
  }
}

async function readBody(answer: IncomingMessage, connection: Connection): Promise<unknown> {
  let body: string;
  try {
    body = await text(answer);
  } catch (error) {
    throw unreachable(connection, error, undefined);
  }
  if (!String(answer.headers['content-type']).includes('json')) return body;
  try {
    return JSON.parse(body) as unknown;
  } catch (error) {
    throw unreachable(connection, error, undefined);
  }
}

const ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED:
    'Nothing listens there. Is the api running? --url, STOWAGE_URL or `stowage context` name another address.',
  ENOTFOUND: 'There is no such host. Check --url, STOWAGE_URL or the context.',
  SELF_SIGNED_CERT_IN_CHAIN:
    'Its certificate is of a CA that is not known here: name it by --ca-file or STOWAGE_CA_FILE.',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'Its certificate is its own: name it by --ca-file or STOWAGE_CA_FILE.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'Its certificate is of a CA that is not known here: name it by --ca-file or STOWAGE_CA_FILE.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'Its certificate is for another name: use the name that the certificate has.',
  EPROTO: 'It does not speak TLS there: is it http:// rather than https://?',
};

function unreachable(connection: Connection, error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return error;
  const origin = connection.url.origin;
  // With several addresses (::1 and 127.0.0.1), the first one's error tells as much as all.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const code = first instanceof Error && 'code' in first ? String(first.code) : '';
  const reason = first instanceof Error ? first.message || code : String(first);
  return new Failure('unreachable', `${origin} cannot be reached: ${reason}`, {
    code: 'api-unreachable',
    advice: ADVICE[code] ?? 'Check the address and the way to it; the log of the api may say more.',
    cause: error,
  });
}
