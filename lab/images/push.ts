import { type Image, type ImageBlob, type ImageIndex } from './image.ts';
import { blobsOf } from './layout.ts';

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

export interface Push {
  /** Of the registry, e.g. `http://127.0.0.1:5000`. */
  readonly registryUrl: string;
  /** Of the repository, e.g. `library/busybox`. */
  readonly name: string;
  readonly tag: string;
  readonly image: Image | ImageIndex;
  readonly auth?: Credentials;
  readonly signal?: AbortSignal;
}

const DEADLINE_MS = 120_000;

/**
 * Pushes an image as the distribution specification says, and names it. What the registry has already is not sent again.
 *
 * @returns the digest of its manifest
 * @throws with the registry's answer when it refuses
 */
export async function pushImage(push: Push): Promise<string> {
  const { image, tag } = push;
  const session = openSession(push);
  if (await session.hasManifest(tag, image.manifest)) return image.manifest.digest;
  const images = 'images' in image ? image.images : [image];
  const manifests = new Set([image, ...images].map(({ manifest }) => manifest.digest));
  for (const blob of blobsOf(image)) {
    if (!manifests.has(blob.digest)) await session.putBlob(blob);
    // Those of an index are named by the index only.
    else if (blob.digest !== image.manifest.digest) await session.putManifest(blob.digest, blob);
  }
  await session.putManifest(tag, image.manifest);
  return image.manifest.digest;
}

interface Session {
  hasManifest(reference: string, manifest: ImageBlob): Promise<boolean>;
  putBlob(blob: ImageBlob): Promise<void>;
  putManifest(reference: string, manifest: ImageBlob): Promise<void>;
}

function openSession({ registryUrl, name, auth, signal }: Push): Session {
  const repository = `${registryUrl}/v2/${name}`;
  const send = createSender({ name, auth, signal: signal ?? AbortSignal.timeout(DEADLINE_MS) });
  return {
    async hasManifest(reference, { digest, mediaType }) {
      const url = `${repository}/manifests/${reference}`;
      const answer = await send(url, { method: 'HEAD', headers: { accept: mediaType } });
      return answer.ok && answer.headers.get('docker-content-digest') === digest;
    },
    async putBlob(blob) {
      if (blob.urls !== undefined) return;
      const found = await send(`${repository}/blobs/${blob.digest}`, { method: 'HEAD' });
      if (found.ok) return;
      const begun = await send(`${repository}/blobs/uploads/`, { method: 'POST' });
      const location = await accepted(begun, 'the upload of a blob').then(({ headers }) => headers.get('location'));
      const url = new URL(location ?? '', repository);
      url.searchParams.set('digest', blob.digest);
      const headers = { 'content-type': 'application/octet-stream' };
      await accepted(await send(url.href, { method: 'PUT', headers, body: await blob.bytes() }), blob.digest);
    },
    async putManifest(reference, manifest) {
      const headers = { 'content-type': manifest.mediaType };
      const body = await manifest.bytes();
      await accepted(await send(`${repository}/manifests/${reference}`, { method: 'PUT', headers, body }), reference);
    },
  };
}

interface Message {
  readonly method: 'HEAD' | 'POST' | 'PUT';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}
type Send = (url: string, message: Message) => Promise<Response>;

interface SenderSettings {
  readonly name: string;
  readonly auth: Credentials | undefined;
  readonly signal: AbortSignal;
}

/** Sends requests, and once more with what the registry asks for when it says 401. */
function createSender({ name, auth, signal }: SenderSettings): Send {
  let authorization: string | undefined;
  const once: Send = async (url, { method, headers, body }) => {
    const all = { ...headers, ...(authorization === undefined ? {} : { authorization }) };
    // A copy: what `fetch` takes is never shared memory.
    const init = body === undefined ? { method, headers: all } : { method, headers: all, body: new Uint8Array(body) };
    return fetch(url, { ...init, signal });
  };
  return async (url, message) => {
    const answer = await once(url, message);
    if (answer.status !== 401) return answer;
    const challenge = answer.headers.get('www-authenticate') ?? '';
    authorization = /^bearer /i.test(challenge)
      ? `Bearer ${await fetchToken({ challenge, name, auth, signal })}`
      : basic(auth);
    return authorization === undefined ? answer : once(url, message);
  };
}

async function fetchToken({ challenge, name, auth, signal }: SenderSettings & { challenge: string }): Promise<string> {
  const parameter = (key: string): string => new RegExp(`${key}="([^"]*)"`).exec(challenge)?.[1] ?? '';
  const url = new URL(parameter('realm'));
  url.searchParams.set('service', parameter('service'));
  url.searchParams.set('scope', `repository:${name}:pull,push`);
  const authorization = basic(auth);
  const answer = await fetch(url, { signal, headers: authorization === undefined ? {} : { authorization } });
  const body: unknown = await (await accepted(answer, 'a token')).json();
  if (typeof body !== 'object' || body === null || !('token' in body)) throw new Error(`${url.origin} gives no token`);
  return String(body.token);
}

function basic(auth: Credentials | undefined): string | undefined {
  if (auth === undefined) return undefined;
  return `Basic ${Buffer.from(`${auth.user}:${auth.password}`).toString('base64')}`;
}

async function accepted(answer: Response, what: string): Promise<Response> {
  if (answer.ok) return answer;
  throw new Error(`The registry refuses ${what}: HTTP ${answer.status} ${await answer.text()}`);
}
