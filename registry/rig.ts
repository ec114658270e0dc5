import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { pino } from 'pino';
import type { Registry } from '../core/ports/registry.ts';
import { type Digest, parseDigest, parseReference, type ReferenceParts } from '../core/reference.ts';
import { randomBytes, systemClock } from '../platform/clock.ts';
import type { RegistryConfig } from '../platform/config.ts';
import { openRegistry, type RegistryOptions } from './client.ts';

// A registry for tests that misbehaves on purpose, and what is in it.

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
const OCI_GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip';

/** Answers, and says so; what it does not answer the registry does. */
export type Hook = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface Exchange {
  readonly url: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
}

export class HostileRegistry implements AsyncDisposable {
  readonly documents = new Map<string, { readonly type: string; readonly bytes: Buffer }>();
  readonly blobs = new Map<string, Buffer>();
  readonly exchanges: Exchange[] = [];
  hook: Hook = () => false;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<HostileRegistry> {
    const server = createServer((request, response) => registry.#answer(request, response));
    const registry = new HostileRegistry(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return registry;
  }

  get host(): string {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? `127.0.0.1:${address.port}` : '';
  }

  get origin(): string {
    return `http://${this.host}`;
  }

  blobExchanges(): readonly Exchange[] {
    return this.exchanges.filter((each) => each.url.includes('/blobs/'));
  }

  addDocument(name: string, type: string, document: object): { digest: Digest; size: number } {
    const bytes = Buffer.from(JSON.stringify(document));
    const digest = sha256(bytes);
    this.documents.set(name, { type, bytes });
    this.documents.set(digest, { type, bytes });
    return { digest, size: bytes.length };
  }

  addBlob(bytes: Buffer): { digest: Digest; size: number } {
    const digest = sha256(bytes);
    this.blobs.set(digest, bytes);
    return { digest, size: bytes.length };
  }

  /** An image with one layer. */
  addImage(
    tag: string,
    change: { config?: object; manifest?: object; layerType?: string } = {},
  ): ReturnType<typeof this.addDocument> {
    const tar = Buffer.alloc(2_048, 0);
    const layer = this.addBlob(gzipSync(tar));
    const config = this.addBlob(
      Buffer.from(
        JSON.stringify({
          os: 'linux',
          architecture: 'amd64',
          rootfs: { type: 'layers', diff_ids: [sha256(tar)] },
          ...change.config,
        }),
      ),
    );
    return this.addDocument(tag, OCI_MANIFEST, {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: { mediaType: OCI_CONFIG, ...config },
      layers: [{ mediaType: change.layerType ?? OCI_GZIP, ...layer }],
      ...change.manifest,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { url = '', headers } = request;
    this.exchanges.push({ url, authorization: headers.authorization, range: headers.range });
    if (this.hook(request, response)) return;
    const [, kind, name = ''] = /\/(manifests|blobs)\/([^/?]+)$/.exec(url) ?? [];
    const document = kind === 'manifests' ? this.documents.get(name) : undefined;
    const blob = kind === 'blobs' ? this.blobs.get(name) : undefined;
    if (document !== undefined) response.writeHead(200, { 'content-type': document.type }).end(document.bytes);
    else if (blob !== undefined) sendBlob(request, response, blob);
    else response.writeHead(url === '/v2/' ? 200 : 404).end();
  }
}

export function sendBlob(request: IncomingMessage, response: ServerResponse, blob: Buffer): void {
  const start = startOf(request);
  if (start === undefined) {
    response.writeHead(200, { 'content-length': blob.length }).end(blob);
  } else if (start >= blob.length) {
    response.writeHead(416).end();
  } else {
    const range = `bytes ${start}-${blob.length - 1}/${blob.length}`;
    response.writeHead(206, { 'content-range': range }).end(blob.subarray(start));
  }
}

/** Sends so many bytes of what it promised and cuts the connection. */
export function cut(request: IncomingMessage, response: ServerResponse, blob: Buffer, bytes: number): void {
  const start = startOf(request) ?? 0;
  const range = `bytes ${start}-${blob.length - 1}/${blob.length}`;
  const isPart = request.headers.range !== undefined;
  response.writeHead(isPart ? 206 : 200, {
    'content-length': blob.length - start,
    ...(isPart ? { 'content-range': range } : {}),
  });
  response.write(blob.subarray(start, start + bytes), () => response.socket?.end());
}

function startOf(request: IncomingMessage): number | undefined {
  const match = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  return match === null ? undefined : Number(match[1]);
}

export function sha256(bytes: Uint8Array): Digest {
  const digest = parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
  if (digest === undefined) throw new TypeError('no digest');
  return digest;
}

export function reference(text: string): ReferenceParts {
  const parts = parseReference(text);
  if (typeof parts === 'string') throw new TypeError(parts);
  return parts;
}

export const LINUX = { os: 'linux', architecture: 'amd64' };

/** Impatient: nothing that a test waits for takes long. */
export function openTestRegistry(
  config: Partial<RegistryConfig> = {},
  options: Partial<Omit<RegistryOptions, 'config'>> = {},
): Registry & AsyncDisposable {
  const registry = openRegistry({
    config: { mirrors: new Map(), insecure: [], allowed: [], ...config },
    logger: pino({ level: 'silent' }),
    clock: systemClock,
    random: randomBytes,
    environment: {},
    tuning: { stallTimeoutMs: 200, backoffBaseMs: 1, backoffMaxMs: 2, maxBreaks: 2, ...options.tuning },
    ...options,
  });
  return Object.assign(registry, { [Symbol.asyncDispose]: () => registry.close() });
}

export async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
