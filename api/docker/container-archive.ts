import type { Duplex, Readable } from 'node:stream';
import { z } from 'zod';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/job.ts';
import { type Answer, empty } from './answer.ts';
import { findShown } from './container-find.ts';
import type { Inside } from './container-guest.ts';
import { findReachable, refuseVolumes } from './container-reach.ts';
import { chunksOf, send } from './hijack.ts';
import type { Call, DockerParts, Route } from './parts.ts';
import { bytesOf, errorIn, readPieces } from './pieces.ts';
import { flagOf } from './query.ts';
import { decompressed } from './tar-body.ts';

const TAR = { 'content-type': 'application/x-tar' };

const statSchema = z.object({
  name: z.string(),
  size: z.number(),
  mode: z.number(),
  mtime: z.string(),
  linkTarget: z.string(),
});

/** A container whose files can be reached, and the path in it. */
interface Place extends Inside {
  readonly path: string;
}

/** @throws `request-invalid`, `container-busy` */
async function placeOf(call: Call, parts: DockerParts): Promise<Place> {
  const path = call.query.get('path') ?? '';
  if (path === '') throw new StowageError('request-invalid', 'bad parameter: path cannot be empty');
  refuseVolumes(await findShown(call, parts), path);
  const inside = await findReachable(call, parts, 'copying files');
  return { ...inside, path };
}

/** What is at the path, as the header that clients read. @throws `guest-path-not-found` with dockerd's text */
async function statOf({ record, guests, path }: Place, call: Call): Promise<string> {
  try {
    const result = await guests.call(record.name, 'stat', { path }, call.signal);
    const stat = statSchema.safeParse(result);
    if (!stat.success) throw new StowageError('guest-failed', 'the guest does not say what is at the path');
    return Buffer.from(JSON.stringify(stat.data)).toString('base64');
  } catch (error) {
    throw isErrorCode(error, 'guest-path-not-found') ? notFound(path, call) : error;
  }
}

function notFound(path: string, { names }: Call): StowageError {
  const text = `Could not find the file ${path} in container ${names['name'] ?? ''}`;
  return new StowageError('guest-path-not-found', text);
}

async function head(call: Call, parts: DockerParts): Promise<Answer> {
  const stat = await statOf(await placeOf(call, parts), call);
  return { type: 'empty', status: 200, headers: { 'X-Docker-Container-Path-Stat': stat } };
}

async function get(call: Call, parts: DockerParts): Promise<Answer> {
  const place = await placeOf(call, parts);
  const stat = await statOf(place, call);
  const bytes = await openTar(place, { for: 'read', path: place.path }, call);
  return { type: 'bytes', headers: { ...TAR, 'X-Docker-Container-Path-Stat': stat }, bytes };
}

async function exportAll(call: Call, parts: DockerParts): Promise<Answer> {
  const inside = await findReachable(call, parts, 'exporting the files of a container');
  return { type: 'bytes', headers: TAR, bytes: await openTar(inside, { for: 'export' }, call) };
}

/** With its beginning: what fails before that is an answer of its own. */
async function openTar({ record, guests }: Inside, about: JsonObject, call: Call): Promise<AsyncIterable<Uint8Array>> {
  const stream = await guests.open(record.name, about, call.signal);
  stream.end();
  const bytes = bytesOf(stream, call.signal);
  try {
    const first = await bytes.next();
    return rest(first, bytes, stream);
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

async function* rest(
  first: IteratorResult<Buffer>,
  bytes: AsyncGenerator<Buffer>,
  stream: Readable,
): AsyncGenerator<Uint8Array> {
  try {
    if (first.done !== true) yield first.value;
    yield* bytes;
  } finally {
    stream.destroy();
  }
}

async function put(call: Call, parts: DockerParts): Promise<Answer> {
  const { record, guests, path } = await placeOf(call, parts);
  const about = {
    for: 'write',
    path,
    noOverwriteDirNonDir: flagOf(call.query, 'noOverwriteDirNonDir'),
    copyUidGid: flagOf(call.query, 'copyUIDGID'),
  };
  const body = await decompressed(call.body, call.signal);
  const stream = await guests.open(record.name, about, call.signal);
  const uploading = new AbortController();
  void upload(body, stream, uploading.signal);
  try {
    for await (const piece of readPieces(stream, call.signal)) {
      const error = piece.type === 'last' ? errorIn(piece.about) : undefined;
      if (error !== undefined) throw isErrorCode(error, 'guest-path-not-found') ? notFound(path, call) : error;
    }
    return empty(200);
  } finally {
    uploading.abort();
    stream.destroy();
    // What was not read would stand before the connection's next request.
    call.body.resume();
  }
}

/** A body that breaks off is no tar: the guest must not take it for a whole one. */
async function upload(body: Readable, stream: Duplex, signal: AbortSignal): Promise<void> {
  for await (const chunk of chunksOf(body, signal)) if (!(await send(stream, chunk, signal))) return;
  if (body.readableEnded) stream.end();
  else stream.destroy();
}

const files = { as: 'partial', missing: 'volumes of containers that do not run' } as const;

export const containerArchiveRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/containers/{name}/export',
    role: 'viewer',
    support: { as: 'supported' },
    handler: exportAll,
  },
  { method: 'GET', path: '/containers/{name}/archive', role: 'viewer', support: files, handler: get },
  { method: 'HEAD', path: '/containers/{name}/archive', role: 'viewer', support: files, handler: head },
  { method: 'PUT', path: '/containers/{name}/archive', role: 'operator', support: files, handler: put },
];
