import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { StowageError } from '../../core/errors.ts';
import { type JobId, newJobId, resourceKey } from '../../core/ids.ts';
import type { JsonObject } from '../../core/job.ts';
import type { Claim, JobEnd } from '../../core/ports/jobs.ts';
import { shortId } from '../../core/reference.ts';
import { randomBytes } from '../../platform/clock.ts';
import { digestOf, imageRecord, layerOf, nameOf } from '../../jobs/image/fixtures.ts';
import { type DockerRig, serveDocker, startStoreRig, type StoreRig } from './rig.ts';

// The real CLI pulls; the test is the worker.

let bed: StoreRig;
let rig: DockerRig;
const digest = digestOf('index');

beforeAll(async () => {
  bed = await startStoreRig();
  rig = await serveDocker({ submit: bed.submit, ...bed.store });
}, 60_000);

afterAll(async () => {
  await rig?.close();
  await bed?.close();
});

async function commit(claim: Claim, notes: JsonObject, end?: JobEnd): Promise<void> {
  await bed.store.claims.commit(claim, { notes, ...(end === undefined ? {} : { end }) });
}

function dead(error: StowageError): JobEnd {
  return { state: 'dead', error: error.facts };
}

async function childOf(seed: string): Promise<JobId> {
  const { id } = await bed.store.jobs.submit({
    id: newJobId(Date.now(), randomBytes(10)),
    kind: 'layer.pull',
    lane: 'default',
    payload: {},
    resources: [resourceKey('layer', layerOf(seed).diffId)],
    stepNames: ['make'],
    actor: 'test',
    maxAttempts: 1,
    deadlineMs: 60_000,
  });
  return id;
}

function notesOf(
  layers: readonly { readonly seed: string; readonly job?: JobId; readonly isThere: boolean }[],
): JsonObject {
  return {
    layers: layers.map(({ seed, job, isThere }) => ({
      diffId: layerOf(seed).diffId,
      blob: { ...layerOf(seed).blob },
      isThere,
      ...(job === undefined ? {} : { job }),
    })),
  };
}

const blobId = (seed: string): string => shortId(layerOf(seed).blob.digest);
const downloaded = (status: string): JobEnd => ({
  state: 'succeeded',
  result: { image: digestOf('id'), digest, status },
});

/** Reads a stream until it says this. */
async function readUntil(reader: ReadableStreamDefaultReader<Uint8Array>, text: string, before = ''): Promise<string> {
  let read = before;
  while (!read.includes(text)) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`the stream ended without ${text}: ${read}`);
    read += Buffer.from(value).toString();
  }
  return read;
}

describe('a pull by the CLI', { timeout: 120_000 }, () => {
  test('tells of each layer, the digest and the status', async () => {
    const pulling = rig.docker(['pull', 'demo:0.1']);
    const claim = await bed.begin(await bed.submitted('image.pull'));
    expect(claim.job.payload).toEqual({ reference: 'docker.io/library/demo:0.1' });
    const job = await childOf('top');
    const notes = notesOf([
      { seed: 'base', isThere: true },
      { seed: 'top', job, isThere: false },
    ]);
    await commit(claim, notes);
    await commit(await bed.begin(job), {}, { state: 'succeeded', result: {} });
    await commit(claim, notes, downloaded('downloaded'));
    const pulled = await pulling;
    expect(pulled).toMatchObject({ code: 0, stderr: '' });
    expect(pulled.stdout.split('\n')).toEqual([
      '0.1: Pulling from library/demo',
      `${blobId('base')}: Already exists`,
      `${blobId('top')}: Pulling fs layer`,
      `${blobId('top')}: Verifying Checksum`,
      `${blobId('top')}: Download complete`,
      `${blobId('top')}: Pull complete`,
      `Digest: ${digest}`,
      'Status: Downloaded newer image for demo:0.1',
      'docker.io/library/demo:0.1',
      '',
    ]);
  });

  test('of an image that is up to date says just that; a digest may name it', async () => {
    const pulling = rig.docker(['pull', `demo@${digest}`]);
    const claim = await bed.begin(await bed.submitted('image.pull'));
    expect(claim.job.payload).toEqual({ reference: `docker.io/library/demo@${digest}` });
    await commit(claim, { ...notesOf([{ seed: 'base', isThere: true }]), isUpToDate: true }, downloaded('up-to-date'));
    const { code, stdout } = await pulling;
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `docker.io/library/demo@${digest}: Pulling from library/demo\nDigest: ${digest}\nStatus: Image is up to date for demo@${digest}\ndocker.io/library/demo@${digest}\n`,
    });
  });

  test('shows the bytes of a layer while they come, and the platform is passed on', async () => {
    const url = `http://${rig.address}/v1.50/images/create?fromImage=demo&tag=0.2&platform=linux%2FARM64`;
    const answering = fetch(url, { method: 'POST' });
    const claim = await bed.begin(await bed.submitted('image.pull'));
    expect(claim.job.payload).toEqual({ reference: 'docker.io/library/demo:0.2', platform: 'linux/arm64' });
    const job = await childOf('big');
    await commit(claim, notesOf([{ seed: 'big', job, isThere: false }]));
    const answer = await answering;
    const reader = answer.body?.getReader();
    if (reader === undefined) throw new Error('no body');
    const child = await bed.begin(job);
    bed.store.claims.showProgress(child, { phase: 'downloading', current: 100, total: 400 });
    let text = await readUntil(reader, '"progressDetail":{"current":100,"total":400}');
    bed.store.claims.showProgress(child, { phase: 'extracting', current: 400, total: 800 });
    text = await readUntil(reader, '"progressDetail":{"current":400,"total":800}', text);
    await commit(child, {}, { state: 'succeeded', result: {} });
    await commit(claim, notesOf([{ seed: 'big', job, isThere: false }]), downloaded('downloaded'));
    text = await readUntil(reader, 'Downloaded newer image', text);
    const lines = text
      .split('\r\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { readonly status: string; readonly id?: string });
    expect(lines.map((line) => line.status)).toEqual([
      'Pulling from library/demo',
      'Pulling fs layer',
      'Downloading',
      'Verifying Checksum',
      'Download complete',
      'Extracting',
      'Pull complete',
      `Digest: ${digest}`,
      'Status: Downloaded newer image for demo:0.2',
    ]);
  });

  test('that fails before the stream has begun fails with a status, in the words of dockerd, and leaves no dead letter', async () => {
    const cases: readonly (readonly [StowageError, string])[] = [
      [
        new StowageError('image-unknown', 'no such tag'),
        'manifest for nothing:latest not found: manifest unknown: manifest unknown',
      ],
      [
        new StowageError('registry-denied', 'denied'),
        "pull access denied for nothing, repository does not exist or may require 'docker login': denied",
      ],
    ];
    for (const [error, text] of cases) {
      const pulling = rig.docker(['pull', 'nothing']);
      await commit(await bed.begin(await bed.submitted('image.pull')), {}, dead(error));
      const failed = await pulling;
      expect(failed.code).toBe(1);
      expect(failed.stderr).toContain(`Error response from daemon: ${text}`);
    }
    expect((await bed.store.jobs.list({ state: 'dead' }, { limit: 5 })).items).toEqual([]);
  });

  test('that fails later fails with the last line of the stream', async () => {
    const pulling = rig.docker(['pull', 'demo:0.3']);
    const claim = await bed.begin(await bed.submitted('image.pull'));
    await commit(claim, notesOf([{ seed: 'bad', isThere: false }]));
    // The CLI has the header once it has told of the first line; by then the status is out.
    await commit(claim, {}, dead(new StowageError('layer-invalid', 'the layer is not what its digest says')));
    const failed = await pulling;
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('the layer is not what its digest says');
  });

  test('passes credentials on by a ticket; they are in no job and no line of the log', async () => {
    const auth = Buffer.from(JSON.stringify({ username: 'me', password: 'pass-of-mine' })).toString('base64url');
    const url = `http://${rig.address}/images/create?fromImage=registry.test%2Fapp&tag=1`;
    const answering = fetch(url, { method: 'POST', headers: { 'x-registry-auth': auth } });
    const claim = await bed.begin(await bed.submitted('image.pull'));
    const { credentials: ticket } = claim.job.payload;
    if (typeof ticket !== 'string') throw new Error('no ticket');
    expect(await bed.store.credentials.ask(ticket, AbortSignal.timeout(10_000))).toEqual({
      type: 'password',
      username: 'me',
      password: 'pass-of-mine',
    });
    await commit(claim, {}, dead(new StowageError('image-unknown', 'no such tag')));
    expect((await answering).status).toBe(404);
    await expect(bed.store.credentials.ask(ticket, AbortSignal.timeout(30_000))).rejects.toThrow();
    expect(JSON.stringify(claim.job)).not.toContain('pass-of-mine');
    expect(rig.log()).not.toContain('pass-of-mine');
    for (const bad of ['!!!', 'bm90IGpzb24=']) {
      const refused = await fetch(url, { method: 'POST', headers: { 'x-registry-auth': bad } });
      expect(refused.status).toBe(400);
    }
  });

  test('goes on without a client that leaves, and ends when the server stops', async () => {
    const own = await serveDocker({ submit: bed.submit, ...bed.store });
    const left = new AbortController();
    const leaving = fetch(`http://${own.address}/images/create?fromImage=left&tag=1`, {
      method: 'POST',
      signal: left.signal,
    });
    const id = await bed.submitted('image.pull');
    left.abort();
    await expect(leaving).rejects.toThrow();
    const claim = await bed.begin(id);
    const staying = fetch(`http://${own.address}/images/create?fromImage=left&tag=1`, { method: 'POST' });
    await commit(claim, notesOf([{ seed: 'slow', isThere: false }]));
    const stream = await staying;
    await own.close();
    expect(await stream.text()).toContain('this server is stopping');
    await commit(claim, {}, downloaded('downloaded'));
  });
});

test('a tag and a removal reach their jobs, and the CLI shows what went', async () => {
  const image = imageRecord({ seed: 'app', names: [nameOf('app:1')] });
  await bed.store.records.observe([{ op: 'put', record: image, expectedRev: 0 }], []);
  const tagging = rig.docker(['tag', 'app:1', 'registry.test:5000/app:2']);
  const tag = await bed.begin(await bed.submitted('image.tag'));
  expect(tag.job.payload).toEqual({ image: image.name, reference: 'registry.test:5000/app:2' });
  await commit(tag, {}, { state: 'succeeded', result: {} });
  expect(await tagging).toEqual({ code: 0, stdout: '', stderr: '' });
  const removing = rig.docker(['rmi', 'app:1']);
  const removal = await bed.begin(await bed.submitted('image.remove'));
  expect(removal.job.payload).toEqual({ image: image.name, reference: 'docker.io/library/app:1' });
  const result = { image: image.name, untagged: ['docker.io/library/app:1'], deleted: [image.name] };
  await commit(removal, {}, { state: 'succeeded', result });
  expect(await removing).toEqual({ code: 0, stdout: `Untagged: app:1\nDeleted: ${image.name}\n`, stderr: '' });
}, 60_000);
