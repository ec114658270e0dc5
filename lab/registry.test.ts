import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { createLogger } from '../platform/log.ts';
import { type Image, image, type LayerSource } from './images/image.ts';
import { foreignLayer } from './images/hostile.ts';
import { type Credentials, pushImage } from './images/push.ts';
import { file } from './images/tar.ts';
import { identify } from './process-identity.ts';
import { type LabRegistry, type RegistrySettings, startRegistry } from './registry.ts';

const logger = createLogger({ name: 'test', level: 'silent' });
const scratch = mkdtempSync(join(tmpdir(), 'stowage-registry-'));
const running: LabRegistry[] = [];
let count = 0;

afterEach(async () => {
  await Promise.all(running.splice(0).map((registry) => registry.stop()));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function start(settings: Partial<RegistrySettings> = {}): Promise<LabRegistry> {
  count += 1;
  const registry = await startRegistry({ dir: join(scratch, String(count)), logger, ...settings });
  running.push(registry);
  return registry;
}

function smallImage(layers: readonly LayerSource[] = [[file('some', 'content\n')]]): Promise<Image> {
  return image({
    layers,
    config: { Cmd: ['sh'] },
    history: [{ createdBy: 'test' }],
    format: 'docker',
    compression: 'gzip',
  });
}

async function push(registry: LabRegistry, pushed: Image, auth?: Credentials): Promise<string> {
  const target = { registryUrl: registry.url, name: 'some/name', tag: '1', image: pushed };
  return pushImage(auth === undefined ? target : { ...target, auth });
}

async function get(registry: LabRegistry, path: string, headers: Readonly<Record<string, string>> = {}) {
  const answer = await fetch(`${registry.url}/v2/some/name/${path}`, { headers });
  return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()), headers: answer.headers };
}

describe('the registry', { timeout: 60_000 }, () => {
  test('keeps its images and its address over kill -9 and restart', async () => {
    const registry = await start();
    const pushed = await smallImage();
    await push(registry, pushed);
    const { url, pid } = registry;
    await registry.kill9();
    expect(identify(pid ?? 0)).toBeUndefined();
    await registry.restart();
    expect(registry.url).toBe(url);
    const headers = { accept: pushed.manifest.mediaType };
    expect((await get(registry, 'manifests/1', headers)).headers.get('docker-content-digest')).toBe(
      pushed.manifest.digest,
    );
  });

  test('serves parts of a blob', async () => {
    const registry = await start();
    const pushed = await smallImage();
    await push(registry, pushed);
    const part = await get(registry, `blobs/${pushed.config.digest}`, { range: 'bytes=10-19' });
    expect(part.status).toBe(206);
    expect(part.bytes).toEqual(Buffer.from(await pushed.config.bytes()).subarray(10, 20));
  });

  test('serves wrong, shorter or no bytes for a blob after tampering', async () => {
    const registry = await start();
    const pushed = await smallImage([[file('some', 'x'.repeat(1000))]]);
    await push(registry, pushed);
    const { digest, sizeBytes } = pushed.layers[0] ?? pushed.config;
    const read = () => get(registry, `blobs/${digest}`);
    registry.tamper(digest, (bytes) => Buffer.alloc(bytes.length, 'z'));
    expect((await read()).bytes).toEqual(Buffer.alloc(sizeBytes, 'z'));
    registry.tamper(digest, (bytes) => bytes.subarray(0, 5));
    expect((await read()).bytes).toHaveLength(5);
    registry.tamper(digest, () => undefined);
    expect((await read()).status).toBe(404);
    expect(() => registry.tamper(digest, (bytes) => bytes)).toThrow('ENOENT');
  });

  test('takes a manifest with a foreign layer, whose blob nobody pushes', async () => {
    const registry = await start();
    const pushed = await smallImage([await foreignLayer([file('some', 'content\n')])]);
    await push(registry, pushed);
    expect((await get(registry, `blobs/${pushed.layers[0]?.digest}`)).status).toBe(404);
    const manifest = await get(registry, 'manifests/1', { accept: pushed.manifest.mediaType });
    expect(JSON.parse(manifest.bytes.toString()).layers[0].urls).toEqual(['http://127.0.0.1:9/foreign']);
  });

  test('with htpasswd it serves who knows a password, and nobody else', async () => {
    const users = [{ user: 'anna', password: "it's $a:secret" }];
    const registry = await start({ auth: { mode: 'htpasswd', users } });
    const pushed = await smallImage();
    await expect(push(registry, pushed)).rejects.toThrow('HTTP 401');
    await expect(push(registry, pushed, { user: 'anna', password: 'wrong' })).rejects.toThrow('HTTP 401');
    expect(await push(registry, pushed, users[0])).toBe(pushed.manifest.digest);
    const refused = await get(registry, 'manifests/1');
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="lab-registry"']);
    expect(statSync(join(scratch, String(count), 'htpasswd')).mode & 0o777).toBe(0o600);
  });

  test('variables of the environment do not change its configuration', async () => {
    const env = { ...process.env, REGISTRY_HTTP_ADDR: '127.0.0.1:1' };
    expect((await get(await start({ env }), 'tags/list')).status).toBe(404);
  });

  test('without the program on the PATH the error says what to install', async () => {
    await expect(start({ env: { PATH: '/nowhere' } })).rejects.toThrow('apt-get install docker-registry');
  });
});
