import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ErrorCode } from '../core/error-codes.ts';
import type { Registry, ResolvedImage } from '../core/ports/registry.ts';
import { HostileRegistry, LINUX, OCI_INDEX, OCI_MANIFEST, openTestRegistry, reference, sha256 } from './rig.ts';

let server: HostileRegistry;
let registry: Registry;
const signal = new AbortController().signal;

beforeEach(async () => {
  server = await HostileRegistry.start();
  registry = openTestRegistry();
});
afterEach(async () => {
  await registry.close();
  await server[Symbol.asyncDispose]();
});

const resolve = (name: string, platform = LINUX): Promise<ResolvedImage> =>
  registry.resolve(reference(`${server.host}/team/app${name}`), platform, { signal });

async function refused(name: string, code: ErrorCode, words: string): Promise<void> {
  await expect(resolve(name)).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
}

test('a manifest by tag and by digest gives the image with its layers', async () => {
  const { digest } = server.addImage('1.0');
  const image = await resolve(':1.0');
  expect(image).toMatchObject({ digest, manifest: { digest, mediaType: OCI_MANIFEST } });
  expect(sha256(image.config.bytes)).toBe(image.config.digest);
  expect(image.layers).toHaveLength(1);
  expect(await resolve(`@${digest}`)).toEqual(image);
});

test('an index gives the manifest of the platform, and its own digest', async () => {
  const arm = server.addImage('arm', { config: { os: 'linux', architecture: 'arm', variant: 'v6' } });
  const amd = server.addImage('amd');
  const entry = (of: object, platform: object): object => ({ mediaType: OCI_MANIFEST, ...of, platform });
  const index = server.addDocument('all', OCI_INDEX, {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: [
      entry(arm, { os: 'linux', architecture: 'arm', variant: 'v6' }),
      entry(amd, { os: 'unknown', architecture: 'unknown' }),
      entry(amd, LINUX),
    ],
  });
  expect(await resolve(':all')).toMatchObject({ digest: index.digest, manifest: { digest: amd.digest } });
  expect(await resolve(`@${index.digest}`)).toMatchObject({ digest: index.digest });
  const v7 = { os: 'linux', architecture: 'arm', variant: 'v7' };
  expect(await resolve(':all', v7)).toMatchObject({ manifest: { digest: arm.digest } });
  await expect(resolve(':all', { os: 'linux', architecture: 's390x' })).rejects.toMatchObject({
    code: 'image-unsupported',
    message: expect.stringMatching(/linux\/s390x: there is one for linux\/arm\/v6, linux\/amd64 only$/),
  });
  await expect(resolve(':amd', v7)).rejects.toMatchObject({ code: 'image-unsupported' });
});

test('what is not what its digest says is invalid', async () => {
  const { digest } = server.addImage('good');
  const other = server.addImage('other', { config: { author: 'somebody else' } });
  const lie = server.documents.get(other.digest);
  if (lie === undefined) throw new TypeError('no document');
  server.documents.set(digest, lie);
  await refused(`@${digest}`, 'image-invalid', 'another manifest');
  for (const name of server.blobs.keys()) server.blobs.set(name, Buffer.from('{}'));
  await refused(':good', 'image-invalid', 'configuration');
});

test('what Stowage cannot run is refused by name', async () => {
  server.addDocument('old', 'application/vnd.docker.distribution.manifest.v1+prettyjws', { schemaVersion: 1 });
  await refused(':old', 'image-unsupported', 'schema 1');
  server.addImage('foreign', { layerType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip' });
  await refused(':foreign', 'image-unsupported', 'foreign layer');
  server.addImage('secret', { layerType: 'application/vnd.oci.image.layer.v1.tar+encrypted' });
  await refused(':secret', 'image-unsupported', 'unknown type');
  const config = { mediaType: 'application/vnd.cncf.helm.config.v1+json', digest: sha256(Buffer.from('x')), size: 1 };
  server.addImage('chart', { manifest: { config } });
  await refused(':chart', 'image-unsupported', 'artifact');
});

test('documents that do not hold together are invalid', async () => {
  server.addImage('count', { config: { rootfs: { type: 'layers', diff_ids: [] } } });
  await refused(':count', 'image-invalid', '1 layers, and its configuration 0');
  server.addImage('both', { manifest: { manifests: [] } });
  await refused(':both', 'image-invalid', 'at once');
  server.addImage('liar', { manifest: { mediaType: OCI_INDEX } });
  await refused(':liar', 'image-invalid', 'calls itself');
  server.addDocument('large', OCI_MANIFEST, { padding: 'x'.repeat(4 * 1_048_576) });
  await refused(':large', 'image-invalid', 'more than');
  server.documents.set('text', { type: OCI_MANIFEST, bytes: Buffer.from('<html>') });
  await refused(':text', 'image-invalid', 'not one');
});

test('a missing tag is unknown, and a registry that fails says so', async () => {
  await refused(':missing', 'image-unknown', 'manifest for');
  server.hook = (_request, response) => {
    response.writeHead(500).end();
    return true;
  };
  await refused(':missing', 'registry-failed', '500');
});

test('a short Retry-After is waited for, and a long one is told', async () => {
  server.addImage('1.0');
  let asked = 0;
  server.hook = (_request, response) => {
    asked += 1;
    if (asked > 2) return false;
    response.writeHead(asked === 1 ? 429 : 503, { 'retry-after': '0' }).end();
    return true;
  };
  await resolve(':1.0');
  server.hook = (_request, response) => {
    response.writeHead(429, { 'retry-after': '600' }).end();
    return true;
  };
  await expect(resolve(':1.0')).rejects.toMatchObject({ code: 'registry-busy', details: { retryAfterMs: 600_000 } });
});
