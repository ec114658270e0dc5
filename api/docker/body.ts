import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';

/** A member of a body that SDKs send as null when it was not given. */
export const textMember = z
  .string()
  .nullish()
  .transform((text) => text ?? '');

const MAX_BODY_BYTES = 1_048_576;
const JSON_TYPE = /^application\/json\s*(?:;|$)/i;

/** @throws StowageError with dockerd's texts */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  return parseBody(await readText(request), request.headers['content-type'] ?? '');
}

/** @throws as `readJson` */
export function parseBody(text: string, type: string): unknown {
  if (text === '') return undefined;
  if (type !== '' && !JSON_TYPE.test(type)) {
    throw new StowageError(
      'media-type-unsupported',
      `unsupported Content-Type header (${type}): must be 'application/json'`,
    );
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new StowageError('body-malformed', 'invalid JSON: the body is not one JSON document', { cause });
  }
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const part = Buffer.from(chunk as Uint8Array);
    bytes += part.length;
    if (bytes > MAX_BODY_BYTES) throw new StowageError('body-too-large', `the body has over ${MAX_BODY_BYTES} bytes`);
    chunks.push(part);
  }
  return Buffer.concat(chunks).toString('utf8');
}
