import type { ServerResponse } from 'node:http';
import { once } from 'node:events';
import { type Hijack, send } from './hijack.ts';

/** What a handler gives back; the server writes it. */
export type Answer =
  | { readonly type: 'json'; readonly status: number; readonly body: unknown }
  | { readonly type: 'text'; readonly status: number; readonly text: string; readonly headers?: AnswerHeaders }
  | { readonly type: 'empty'; readonly status: number; readonly headers?: AnswerHeaders }
  /** Status 200 at once, then one JSON document a line as they come. */
  | { readonly type: 'lines'; readonly lines: AsyncIterable<unknown> }
  /** Status 200 at once, then bytes as they come. When their source fails the connection breaks: nobody may take a part for the whole. */
  | { readonly type: 'bytes'; readonly headers: AnswerHeaders; readonly bytes: AsyncIterable<Uint8Array> }
  | ({ readonly type: 'hijack' } & Hijack);

/** Among lines: nothing to tell, and the stream lives. Readers of JSON pass over the white space that it is. */
export const KEEP_ALIVE = Symbol('keep-alive');

type AnswerHeaders = Readonly<Record<string, string>>;

export function json(body: unknown, status = 200): Answer {
  return { type: 'json', status, body };
}

export function empty(status = 204): Answer {
  return { type: 'empty', status };
}

/** A refusal as Docker gives it: the CLI shows `Error response from daemon: <message>`. */
export function refusal(status: number, message: string): Extract<Answer, { type: 'json' }> {
  return { type: 'json', status, body: { message } };
}

/** @param gone fires when the client has gone */
export async function writeAnswer(
  response: ServerResponse,
  answer: Exclude<Answer, { type: 'hijack' }>,
  gone: AbortSignal,
): Promise<void> {
  switch (answer.type) {
    case 'json':
      return writeBody(response, answer.status, 'application/json', `${JSON.stringify(answer.body)}\n`);
    case 'text':
      for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
      return writeBody(response, answer.status, 'text/plain; charset=utf-8', answer.text);
    case 'empty':
      response.writeHead(answer.status, answer.headers).end();
      return;
    case 'lines':
      return await writeLines(response, answer.lines, gone);
    case 'bytes':
      response.writeHead(200, answer.headers);
      response.flushHeaders();
      for await (const bytes of answer.bytes) if (!(await send(response, bytes, gone))) break;
      response.end();
      return;
  }
}

function writeBody(response: ServerResponse, status: number, contentType: string, text: string): void {
  const body = Buffer.from(text);
  response.writeHead(status, { 'content-type': contentType, 'content-length': body.length }).end(body);
}

/** The header goes at once: clients wait for it before they do what they want to hear about. */
async function writeLines(response: ServerResponse, lines: AsyncIterable<unknown>, gone: AbortSignal): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  for await (const line of lines) {
    if (response.destroyed) break;
    const isTaken = response.write(line === KEEP_ALIVE ? '\r\n' : `${JSON.stringify(line)}\r\n`);
    if (!isTaken) await once(response, 'drain', { signal: gone }).catch(() => undefined);
  }
  response.end();
}
