import { type Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { json } from 'node:stream/consumers';
import { z } from 'zod';
import { ERROR_CODES, type ErrorCode } from '../core/error-codes.ts';
import { StowageError } from '../core/errors.ts';
import type { JsonObject } from '../core/job.ts';
import { LENGTH_HEADER, LONGEST_HEADER_BYTES, PURPOSE_HEADER, STREAM_PROTOCOL } from './face-stream.ts';

const CONNECT_MS = 5_000;

export interface FaceClientConfig {
  readonly token: string;
  readonly agent: Agent;
}

interface Question {
  readonly url: string;
  readonly method: 'GET' | 'DELETE';
  readonly path: string;
  readonly signal: AbortSignal;
}

const problem = z.object({ code: z.string(), message: z.string() });

/** One HTTP request to one gateway. Errors: what the gateway says; `guest-unreachable` when it is not there, or goes away. */
export class FaceClient {
  readonly #config: FaceClientConfig;

  constructor(config: FaceClientConfig) {
    this.#config = config;
  }

  /** Resolves with the head of the answer; its body is to be read or destroyed. */
  async ask({ url, method, path, signal }: Question): Promise<IncomingMessage> {
    const asked = request(new URL(path, url), {
      method,
      agent: this.#config.agent,
      signal,
      headers: { authorization: `Bearer ${this.#config.token}` },
    });
    const answer = answerTo(asked, signal);
    asked.end();
    const response = await answer;
    if (response.statusCode !== 200) throw await errorOf(response);
    return response;
  }

  /** Resolves with a connection that is joined with a stream of the guest; what came with the answer is unshifted. */
  async open(url: string, path: string, about: JsonObject, signal: AbortSignal): Promise<Socket> {
    const { hostname, port } = new URL(url);
    const text = Buffer.from(JSON.stringify(about));
    const isShort = text.length <= LONGEST_HEADER_BYTES;
    const asked = request(new URL(path, url), {
      method: 'POST',
      signal,
      // Each direction ends by itself, which an agent's connections do not let it.
      createConnection: () => connect({ host: bare(hostname), port: Number(port), allowHalfOpen: true, noDelay: true }),
      headers: {
        authorization: `Bearer ${this.#config.token}`,
        connection: 'Upgrade',
        upgrade: STREAM_PROTOCOL,
        ...(isShort ? { [PURPOSE_HEADER]: text.toString('base64url') } : { [LENGTH_HEADER]: text.length }),
      },
    });
    const upgraded = Promise.withResolvers<Socket>();
    asked.on('upgrade', (_response: IncomingMessage, socket: Socket, head: Buffer) => {
      if (head.length > 0) socket.unshift(head);
      upgraded.resolve(socket);
    });
    const refused = answerTo(asked, signal).then(async (response) => {
      throw await errorOf(response);
    });
    if (!isShort) asked.once('finish', () => asked.socket?.write(text));
    asked.end();
    return Promise.race([upgraded.promise, refused]);
  }
}

function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

/** Never settles when the connection is upgraded. */
function answerTo(asked: ClientRequest, signal: AbortSignal): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const late = setTimeout(() => asked.destroy(new Error(`no connection within ${CONNECT_MS} ms`)), CONNECT_MS);
  asked.on('socket', (socket) => {
    if (socket.connecting) socket.once('connect', () => clearTimeout(late));
    else clearTimeout(late);
  });
  asked.on('response', resolve);
  asked.on('error', (error) => {
    clearTimeout(late);
    reject(signal.aborted ? signal.reason : lost(error));
  });
  return promise;
}

export function lost(cause: unknown): StowageError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new StowageError('guest-unreachable', `the gateway of the guest is gone: ${message}`, { cause });
}

async function errorOf(response: IncomingMessage): Promise<StowageError> {
  const read = problem.safeParse(await json(response).catch(() => undefined));
  if (!read.success) return new StowageError('guest-failed', `a gateway answered with ${response.statusCode}`);
  const { code, message } = read.data;
  return new StowageError(isCode(code) ? code : 'guest-failed', message);
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}
