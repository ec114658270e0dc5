import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { appendFile, chmod, mkdtemp, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ImageLayer } from '../core/image.ts';
import type { BlobSource, LayerMaker, Registry } from '../core/ports/registry.ts';
import { hexOf } from '../core/reference.ts';
import { randomBytes, systemClock } from '../platform/clock.ts';
import { buildGo } from '../lab/go.ts';
import { openLayerMaker } from './layer-maker.ts';
import { cut, HostileRegistry, openTestRegistry, sha256 } from './rig.ts';

const ROOT = join(import.meta.dirname, '..');
const SILENT = pino({ level: 'silent' });
const OWNER = 'job:1/2';
let tools: string;
let layerdisk: string;
let spoolDir: string;
let server: HostileRegistry;
let registry: Registry;

beforeAll(async () => {
  tools = await mkdtemp(join(tmpdir(), 'layerdisk-'));
  const { env } = process;
  const build = { root: ROOT, module: 'registry/layerdisk', program: '.', env, logger: SILENT };
  layerdisk = env['STOWAGE_LAYERDISK'] ?? (await buildGo(build));
}, 300_000);
afterAll(() => rm(tools, { recursive: true }));
beforeEach(async () => {
  spoolDir = await mkdtemp(join(tmpdir(), 'spool-'));
  server = await HostileRegistry.start();
  registry = openTestRegistry();
});
afterEach(async () => {
  await registry.close();
  await server[Symbol.asyncDispose]();
  await rm(spoolDir, { recursive: true });
});

interface Made {
  readonly layer: ImageLayer;
  readonly source: BlobSource;
  readonly blob: Buffer;
}

/** A layer of one file that does not compress. */
function addLayer(sizeBytes = 400_000): Made {
  const content = Buffer.from(randomBytes(sizeBytes));
  return addTar(
    Buffer.concat([header('data/file', sizeBytes), content, Buffer.alloc(-sizeBytes & 511), Buffer.alloc(1_024)]),
  );
}

function addTar(tar: Buffer): Made {
  const blob = gzipSync(tar);
  const { digest, size: sizeBytes } = server.addBlob(blob);
  const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip';
  const source = { registry: server.host, repository: 'team/app', digest, sizeBytes };
  return { blob, source, layer: { diffId: sha256(tar), blob: { digest, sizeBytes, mediaType } } };
}

function header(name: string, sizeBytes: number): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0);
  block.write(`${['0000644', '0000000', '0000000'].join('\0')}\0`, 100);
  block.write(`${sizeBytes.toString(8).padStart(11, '0')}\0${'0'.repeat(11)}\0        0`, 124);
  block.write('ustar\u000000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function open(
  change: { program?: string; pulls?: number; pullsPerRegistry?: number; max?: number } = {},
): Promise<LayerMaker> {
  const { program = layerdisk, pulls = 3, pullsPerRegistry = 3, max = 1e9 } = change;
  const config = { pulls, pullsPerRegistry, maxLayerBytes: max, spoolDir };
  return openLayerMaker({
    registry,
    config,
    layerdisk: program,
    logger: SILENT,
    clock: systemClock,
    random: randomBytes,
  });
}

const never = new AbortController().signal;
const spooled = (suffix: string): readonly string[] => readdirSync(spoolDir).filter((name) => name.endsWith(suffix));
const fetchedFrom = (): readonly (string | undefined)[] => server.blobExchanges().map((each) => each.range);

async function script(name: string, body: string): Promise<string> {
  const file = join(tools, name);
  await writeFile(file, `#!/bin/sh\n${body}\n`);
  await chmod(file, 0o755);
  return file;
}

test('a layer becomes a disk, verified, and forgetting it leaves nothing', async () => {
  const maker = await open();
  const { layer, source } = addLayer();
  const phases = new Set<string>();
  let most = 0;
  const onProgress = (phase: string, bytes: number): void => {
    phases.add(phase);
    most = Math.max(most, bytes);
  };
  const made = await maker.make(layer, source, OWNER, { signal: never, onProgress });
  const bytes = readFileSync(made.file);
  expect(made).toMatchObject({ sizeBytes: bytes.length, contentBytes: 400_000, impliedDirectories: ['.', 'data'] });
  expect([...phases]).toEqual(['downloading', 'extracting']);
  expect(most).toBe(source.sizeBytes);
  await maker.forget(layer, OWNER, true);
  await maker.forget(layer, OWNER, true);
  expect(readdirSync(spoolDir)).toEqual([]);
});

test('what arrived before an attempt failed is not fetched again', async () => {
  const { layer, source, blob } = addLayer();
  server.hook = (request, response) => {
    if (server.exchanges.length === 1) cut(request, response, blob, 100_000);
    else response.writeHead(404).end();
    return true;
  };
  await expect((await open()).make(layer, source, 'a', { signal: never })).rejects.toMatchObject({
    code: 'blob-unknown',
  });
  expect(spooled('.disk')).toEqual([]);
  server.hook = () => false;
  await (await open()).make(layer, source, 'b', { signal: never });
  expect(fetchedFrom().at(-1)).toBe('bytes=100000-');
  await (await open()).make(layer, source, 'c', { signal: never });
  expect(fetchedFrom()).toHaveLength(3);
});

test('a process that was killed leaves a spool, and another that wakes cannot spoil it', async () => {
  const { layer, source, blob } = addLayer();
  const stale = join(spoolDir, `${hexOf(source.digest)}.0.aaaa.part`);
  await writeFile(stale, blob.subarray(0, 200_000));
  server.hook = () => {
    // The process that was thought dead goes on with its own segment while this one is at work.
    void appendFile(stale, Buffer.alloc(50_000, 'x'));
    return false;
  };
  const made = await (await open()).make(layer, source, OWNER, { signal: never });
  expect(made.contentBytes).toBe(400_000);
  expect(fetchedFrom()).toEqual(['bytes=200000-']);
});

test('a spool that was spoiled is fetched anew', async () => {
  const { layer, source } = addLayer();
  await writeFile(join(spoolDir, `${hexOf(source.digest)}.0.aaaa.part`), Buffer.alloc(100_000));
  await (await open()).make(layer, source, OWNER, { signal: never });
  expect(fetchedFrom().at(-1)).toBeUndefined();
});

test('what is not what its digests say is invalid, and leaves nothing', async () => {
  const maker = await open();
  const { layer, source, blob } = addLayer();
  const other = addLayer();
  const wrong = { ...layer, diffId: other.layer.diffId };
  await expect(maker.make(wrong, source, OWNER, { signal: never })).rejects.toMatchObject({
    code: 'layer-invalid',
    message: expect.stringMatching(/expected a tar with the diffID sha256:\w{12}, got sha256:\w{12}/),
  });
  server.blobs.set(source.digest, Buffer.concat([other.blob]).subarray(0, blob.length));
  const stretched = { ...source, sizeBytes: other.blob.length };
  server.blobs.set(source.digest, other.blob);
  await expect(
    maker.make({ ...layer, blob: { ...layer.blob, sizeBytes: stretched.sizeBytes } }, stretched, OWNER, {
      signal: never,
    }),
  ).rejects.toMatchObject({ code: 'layer-invalid', message: expect.stringContaining('digest') });
  const corrupt = Buffer.from(blob);
  corrupt.fill(0xff, 1_000, 2_000);
  server.blobs.set(source.digest, corrupt);
  await expect(maker.make(layer, source, OWNER, { signal: never })).rejects.toMatchObject({ code: 'layer-invalid' });
  expect(readdirSync(spoolDir)).toEqual([]);
});

test('a tar that leaves its root is invalid, and one that is too large says so', async () => {
  const escaping = addTar(Buffer.concat([header('../evil', 0), Buffer.alloc(1_024)]));
  await expect((await open()).make(escaping.layer, escaping.source, OWNER, { signal: never })).rejects.toMatchObject({
    code: 'layer-invalid',
  });
  const { layer, source } = addTar(Buffer.concat([header('zeros', 3e7), Buffer.alloc(3e7 + 1_024)]));
  await expect((await open({ max: 1e6 })).make(layer, source, OWNER, { signal: never })).rejects.toMatchObject({
    code: 'layer-too-large',
    message: expect.stringContaining('STOWAGE_MAX_LAYER_SIZE'),
  });
  expect(readdirSync(spoolDir)).toEqual([]);
});

test('giving up ends the program and leaves only the spool', async () => {
  const { layer, source, blob } = addLayer();
  server.hook = (_request, response) => {
    response.writeHead(200, { 'content-length': blob.length }).write(blob.subarray(0, 100_000));
    return true;
  };
  const controller = new AbortController();
  const onProgress = (_phase: string, bytes: number): void => {
    if (bytes >= 100_000) controller.abort();
  };
  const making = (await open()).make(layer, source, OWNER, { signal: controller.signal, onProgress });
  await expect(making).rejects.toMatchObject({ code: 'job-cancelled' });
  expect(spooled('.disk')).toEqual([]);
  expect(spooled('.part')).toHaveLength(1);
});

test('more than so many wait for their turn', async () => {
  const maker = await open({ pulls: 2, pullsPerRegistry: 1 });
  const first = addLayer();
  const second = addLayer();
  const gate = Promise.withResolvers<void>();
  const waited = Promise.withResolvers<void>();
  server.hook = (_request, response) => {
    if (server.exchanges.length > 1) return false;
    void gate.promise.then(() => response.end(first.blob));
    return true;
  };
  const one = maker.make(first.layer, first.source, 'a', { signal: never });
  const onProgress = (phase: string): void => {
    if (phase === 'waiting') waited.resolve();
  };
  const two = maker.make(second.layer, second.source, 'b', { signal: never, onProgress });
  await waited.promise;
  const controller = new AbortController();
  const three = maker.make(second.layer, second.source, 'c', { signal: controller.signal });
  controller.abort();
  await expect(three).rejects.toMatchObject({ code: 'job-cancelled' });
  expect(server.exchanges.length).toBeLessThanOrEqual(1);
  gate.resolve();
  await Promise.all([one, two]);
});

test('a program that is not there, dies or talks nonsense is an internal error', async () => {
  const { layer, source } = addLayer();
  const make = async (program: string): Promise<unknown> =>
    (await open({ program })).make(layer, source, OWNER, { signal: never });
  await expect(make(join(tools, 'missing'))).rejects.toMatchObject({
    code: 'internal-error',
    message: expect.stringContaining('STOWAGE_LAYERDISK'),
  });
  await expect(make(await script('dies', 'echo no memory >&2; kill -9 $$'))).rejects.toMatchObject({
    code: 'internal-error',
    message: expect.stringMatching(/SIGKILL.*no memory/s),
  });
  await expect(make(await script('talks', 'cat >/dev/null; echo hello'))).rejects.toMatchObject({
    code: 'internal-error',
  });
  const full = `cat >/dev/null; echo '{"error":{"code":"disk-failed","message":"no space left"}}'; exit 1`;
  await expect(make(await script('full', full))).rejects.toMatchObject({
    code: 'internal-error',
    message: expect.stringContaining('STOWAGE_SPOOL_DIR'),
  });
  expect(spooled('.disk')).toEqual([]);
  await (await open()).make(layer, source, OWNER, { signal: never });
});

test('a killed process is gone on from by the next one, which fetches only the rest', async () => {
  const { layer, source, blob } = addLayer();
  server.hook = (request, response) => {
    if (request.headers.range !== undefined) return false;
    response.writeHead(200, { 'content-length': blob.length }).write(blob.subarray(0, 150_000));
    return true;
  };
  const child = spawnMaker({ layer, source });
  for await (const line of child.stdout ?? []) if (String(line).includes('150000')) break;
  child.kill('SIGKILL');
  await once(child, 'close');
  await (await open()).make(layer, source, 'next', { signal: never });
  expect(fetchedFrom()).toEqual([undefined, 'bytes=150000-']);
});

test('leftovers of more than a day ago are removed, and nothing else', async () => {
  const hex = '0'.repeat(64);
  const names = [`${hex}.0.aa.part`, `${hex}.owner.disk`, 'notes.txt', `${hex}.5.bb.part`];
  for (const name of names) await writeFile(join(spoolDir, name), 'x');
  const old = new Date(systemClock.nowMs() - 25 * 3_600_000);
  for (const name of names.slice(0, 3)) await utimes(join(spoolDir, name), old, old);
  await open();
  expect(readdirSync(spoolDir).sort()).toEqual([`${hex}.5.bb.part`, 'notes.txt'].sort());
  expect((await stat(spoolDir)).isDirectory()).toBe(true);
});

function spawnMaker(order: object): ChildProcess {
  const here = (file: string): string => JSON.stringify(join(import.meta.dirname, file));
  const config = { pulls: 1, pullsPerRegistry: 1, maxLayerBytes: 1e9, spoolDir };
  const program = `
    import { pino } from 'pino';
    import { openLayerMaker } from ${here('layer-maker.ts')};
    import { openTestRegistry } from ${here('rig.ts')};
    import { randomBytes as random, systemClock as clock } from ${here('../platform/clock.ts')};
    const { layer, source } = ${JSON.stringify(order)};
    const registry = openTestRegistry({}, { tuning: { stallTimeoutMs: 60_000 } });
    const options = { registry, config: ${JSON.stringify(config)}, layerdisk: ${JSON.stringify(layerdisk)}, clock, random };
    const maker = await openLayerMaker({ ...options, logger: pino({ level: 'silent' }) });
    const onProgress = (phase, bytes) => process.stdout.write(phase + ' ' + bytes + '\\n');
    await maker.make(layer, source, 'killed', { signal: new AbortController().signal, onProgress });
  `;
  return spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
