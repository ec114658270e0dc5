import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { StowageError } from '../../core/errors.ts';
import type { DataCentre, LocalFile } from '../../core/ports/data-centre.ts';
import { buildGo } from '../../lab/go.ts';
import { makeCertificate } from '../harness/certificate.ts';
import { failure, openTestBed, soon, type TestBed, testFence } from '../harness/data-centre.ts';
import { startSoapProxy } from '../harness/soap-proxy.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const logger = pino({ level: 'silent' });
const SIZE = 3 * 1_048_576 + 512;

let dir: string;
let mover: string;
let content: Buffer;
let local: LocalFile;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stowage-uploads-'));
  mover = await buildGo({ root: ROOT, module: 'vsphere/mover', program: '.', env: process.env, logger });
  content = Buffer.concat([randomBytes(SIZE - 1_048_576), Buffer.alloc(1_048_576)]);
  local = { file: join(dir, 'disk'), sizeBytes: SIZE };
  await writeFile(local.file, content);
}, 300_000);
afterAll(() => rm(dir, { recursive: true }));

/** Programs that this process has started and that have not ended. */
function childrenNow(): readonly number[] {
  const tasks = `/proc/${process.pid}/task`;
  const texts = readdirSync(tasks).map((task) => readFileSync(join(tasks, task, 'children'), 'utf8'));
  const pids = texts.flatMap((text) => text.split(' ').filter(Boolean).map(Number));
  return pids.filter((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('mover'));
}

async function until(isSo: () => boolean): Promise<void> {
  const signal = soon();
  while (!isSo()) {
    signal.throwIfAborted();
    await new Promise((done) => setTimeout(done, 10));
  }
}

describe.each(['lab', 'stock'] as const)('uploads to the %s vCenter', (program) => {
  let bed: TestBed;
  let dc: DataCentre;
  let count = 0;
  const fence = testFence();
  const path = () => bed.path(`uploads/${(count += 1)}-flat.vmdk`);
  const sent = (method: string): number => bed.proxy.calls.filter((call) => call.method === `${method} /folder`).length;

  beforeAll(async () => {
    bed = await openTestBed(program);
    dc = await bed.connect({ mover });
    await dc.files.makeDirectory(bed.path('uploads'), fence);
  });
  afterAll(() => bed.close());

  test('what is sent is there, and was read back', async () => {
    const told: number[] = [];
    await dc.files.upload(
      bed.path('uploads/käse & brot+50%?#'),
      { ...local, onProgress: (bytes) => told.push(bytes) },
      fence,
    );
    expect(told.at(-1)).toBe(2 * SIZE);
    expect(told).toEqual(told.toSorted((one, other) => one - other));
    expect((await dc.files.list(bed.path('uploads'), soon()))?.[0]).toMatchObject({ sizeBytes: SIZE });
    expect(childrenNow()).toEqual([]);
  });

  test('something else there than what was sent is found', async () => {
    for (const type of ['html', 'empty', 'truncate'] as const) {
      bed.proxy.disturb('GET /folder', { type });
      expect(await failure(dc.files.upload(path(), local, fence))).toMatchObject({
        code: 'vcenter-garbled',
        message: expect.stringContaining('is different when it is read back') as string,
      });
    }
    // It says that it took the file, and did not.
    bed.proxy.disturb('PUT /folder', { type: 'empty' });
    expect((await failure(dc.files.upload(path(), local, fence))).message).toContain('is missing when it is read back');
  });

  test('an answer that is lost, and one that says 503, are told; the next upload makes it good', async () => {
    for (const method of ['PUT', 'GET'])
      for (const type of ['cut-before', 'cut-after', 'unavailable'] as const) {
        const where = path();
        bed.proxy.disturb(`${method} /folder`, { type });
        const error = await failure(dc.files.upload(where, local, fence));
        expect(error).toMatchObject({ code: 'vcenter-unreachable' });
        if (type !== 'unavailable') expect(error).toMatchObject({ wasSent: true, wasCut: true });
        await dc.files.upload(where, local, fence);
      }
  });

  test('a server that is silent is given up', async () => {
    const hasty = await bed.connect({ mover, callTimeoutMs: 1_000 });
    await hasty.ping(soon());
    for (const method of ['PUT', 'GET']) {
      bed.proxy.disturb(`${method} /folder`, { type: 'delay', ms: 5_000 });
      const error = await failure(hasty.files.upload(path(), local, fence));
      expect(error).toMatchObject({ code: 'vcenter-unreachable', wasSent: true, wasCut: false });
    }
  });

  test('it ends with its signal, shows nobody the session, and leaves no program', async () => {
    const cancel = new AbortController();
    const reason = new StowageError('job-cancelled', 'by the test');
    bed.proxy.disturb('PUT /folder', { type: 'delay', ms: 2_000 });
    const before = sent('PUT');
    const where = path();
    const uploading = failure(dc.files.upload(where, local, testFence({ signal: cancel.signal })));
    await until(() => sent('PUT') > before);
    const [child = 0] = childrenNow();
    const cookie = bed.proxy.calls.at(-1)?.cookie ?? '';
    expect(cookie).not.toBe('');
    for (const name of ['cmdline', 'environ'])
      expect(readFileSync(`/proc/${child}/${name}`, 'latin1')).not.toContain(cookie);
    cancel.abort(reason);
    expect(await uploading).toBe(reason);
    expect(childrenNow()).toEqual([]);
    expect(await failure(dc.files.upload(where, local, testFence({ signal: cancel.signal })))).toBe(reason);
  });

  test('more uploads than run at once take turns, and whoever gives up waiting lets the others go on', async () => {
    const cancel = new AbortController();
    bed.proxy.disturb('PUT /folder', { type: 'delay', ms: 300 }, 4);
    const all = Array.from({ length: 7 }, () => dc.files.upload(path(), local, fence));
    const impatient = failure(dc.files.upload(path(), local, testFence({ signal: cancel.signal })));
    await until(() => childrenNow().length > 0);
    expect(childrenNow().length).toBeLessThanOrEqual(4);
    cancel.abort();
    expect(await impatient).toMatchObject({ code: 'job-cancelled' });
    await Promise.all(all);
  });

  test('a claim that was lost sends nothing', async () => {
    const before = sent('PUT');
    const assertHeld = (): never => {
      throw new StowageError('claim-lost', 'by the test');
    };
    expect(await failure(dc.files.upload(path(), local, testFence({ assertHeld })))).toMatchObject({
      code: 'claim-lost',
    });
    expect(sent('PUT')).toBe(before);
  });

  test('a file that is not there, or not as large, and a program that is not there, are our own fault', async () => {
    const none = { ...local, file: join(dir, 'none') };
    for (const wrong of [none, { ...local, sizeBytes: SIZE + 1 }])
      expect(await failure(dc.files.upload(path(), wrong, fence))).toMatchObject({ code: 'internal-error' });
    const without = await bed.connect({ mover: join(dir, 'no-mover') });
    const error = await failure(without.files.upload(path(), local, fence));
    expect(error).toMatchObject({ code: 'internal-error' });
    expect(error.message).toContain('STOWAGE_MOVER');
  });

  test('only the server that is trusted is sent anything', async () => {
    const [own, other] = await Promise.all([makeCertificate(), makeCertificate()]);
    const secure = await startSoapProxy({ target: bed.vcenter.url, tls: own });
    const puts = (): number => secure.calls.filter((call) => call.method.endsWith('/folder')).length;
    for (const trust of [{ thumbprint: own.thumbprint }, { caPem: own.cert }]) {
      const right = await bed.connect({ url: secure.url, mover, trust });
      await right.files.upload(path(), local, fence);
      await right.close();
    }
    const before = puts();
    // The server shows another certificate to the program than it showed to us.
    const pinned = await bed.connect({ url: secure.url, mover, trust: { thumbprint: own.thumbprint } });
    await pinned.ping(soon());
    const { port } = new URL(secure.url);
    await secure.close();
    const impostor = await startSoapProxy({ target: bed.vcenter.url, tls: other, port: Number(port) });
    const error = await failure(pinned.files.upload(path(), local, fence));
    expect(error).toMatchObject({ code: 'vcenter-untrusted' });
    expect(puts()).toBe(before);
    expect(impostor.calls).toHaveLength(0);
    await impostor.close();
  });

  if (program === 'lab')
    test('a session that has ended is opened again, before the file is sent and before it is read back', async () => {
      // Not through the proxy, which reads all of a request before it asks vCenter.
      const direct = await bed.connect({ mover, url: bed.vcenter.url });
      await direct.ping(soon());
      type Calls = {
        readonly byMethod: { readonly Login?: number };
        readonly folder: Readonly<Record<string, number>>;
      };
      const callsOf = async (work: () => Promise<unknown>): Promise<unknown> => {
        await bed.control('DELETE', '/calls');
        await work();
        const { byMethod, folder } = (await bed.control('GET', '/calls')) as Calls;
        return { ...folder, Login: byMethod.Login ?? 0 };
      };
      const upload = (): Promise<void> => direct.files.upload(path(), local, fence);
      expect(await callsOf(upload)).toEqual({ PUT: 1, GET: 1, Login: 0 });
      await bed.control('POST', '/sessions/drop');
      expect(await callsOf(upload)).toEqual({ PUT: 2, GET: 1, Login: 1 });
      await bed.control('POST', '/http-faults', { path: 'uploads', verb: 'GET', status: 401, count: 1 });
      expect(await callsOf(upload)).toEqual({ PUT: 1, GET: 2, Login: 1 });
      // One that never lasts is no reason to go on for ever.
      await bed.control('POST', '/http-faults', { path: 'uploads', verb: 'PUT', status: 401, count: -1 });
      expect(await failure(upload())).toMatchObject({ code: 'vcenter-login-refused' });
      await bed.control('DELETE', '/http-faults');
    });
});
