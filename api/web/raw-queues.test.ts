import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, PRESET_KEY, type Rig, startRig } from '../rest/rig.ts';

let rig: Rig;
let writable: Rig;
beforeAll(async () => {
  const web = { trustedProxies: [], isQueuesWritable: true };
  [rig, writable] = await Promise.all([startRig(), startRig(undefined, { web })]);
});
afterAll(async () => {
  await Promise.all([rig.close(), writable.close()]);
});

async function cookieOf(on: Rig, key = PRESET_KEY): Promise<string> {
  const { headers } = await on.call({ method: 'POST', url: '/v1/session', key: null, payload: { key } });
  return String(headers['set-cookie']).split(';', 1)[0] ?? '';
}

async function get(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return await rig.call({ url, key: null, headers });
}

describe('reading', () => {
  test('a page leads to the sign-in, its data is refused', async () => {
    const page = { accept: 'text/html,*/*' };
    expect(await get('/queues/', page)).toMatchObject({ status: 302, headers: { location: '/console/' } });
    expect(await get('/queues/api/queues')).toMatchObject({ status: 401, body: { code: 'credentials-missing' } });
    expect((await get('/queues/static/favicon-32x32.png')).status).toBe(401);
  });

  test('who is not an admin is refused', async () => {
    const { body } = await rig.call({ method: 'POST', url: '/v1/keys', payload: { name: 'op', role: 'operator' } });
    const cookie = await cookieOf(rig, String(body['key']));
    for (const url of ['/queues/', '/queues/api/queues', '/queues/queue/test']) {
      expect(await get(url, { cookie })).toMatchObject({ status: 403, body: { code: 'role-insufficient' } });
    }
  });

  test('an admin gets the page, and every file that it names is served here', async () => {
    const cookie = await cookieOf(rig);
    expect(await get('/queues', { cookie })).toMatchObject({ status: 302, headers: { location: '/queues/' } });
    for (const url of ['/queues/', '/queues/queue/test', '/queues/queue/test/1']) {
      const { status, text, headers } = await get(url, { cookie });
      expect(status).toBe(200);
      expect(text).toContain('<base href="/queues/" />');
      expect(text).not.toMatch(/<%|https?:/);
      expect(headers['content-security-policy']).toMatch(/script-src 'self';.*base-uri 'self'/);
    }
    const { text } = await get('/queues/', { cookie });
    const files = [...text.matchAll(/(?:src|href)="(static\/[^"]+)"/g)].map(([, name]) => name ?? '');
    expect(files.length).toBeGreaterThan(3);
    for (const name of files) expect((await get(`/queues/${name}`, { cookie })).status).toBe(200);
  });

  test('an admin sees entries, which lead to their jobs', async () => {
    const id = await rig.submit('seen');
    const cookie = await cookieOf(rig);
    const { status, body } = await get('/queues/api/queues?activeQueue=test&status=waiting', { cookie });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      queues: expect.arrayContaining([
        expect.objectContaining({
          name: 'test',
          readOnlyMode: true,
          jobs: [expect.objectContaining({ externalUrl: { displayText: 'Job', href: `/console/jobs/${id}` } })],
        }),
      ]),
    });
  });

  test('nothing of it is in the document of the API', async () => {
    expect((await get('/openapi.json')).text).not.toContain('/queues');
  });

  test('read-only, there is nothing that changes anything, whatever the origin', async () => {
    const cookie = await cookieOf(rig);
    for (const [method, url] of [
      ['PUT', '/queues/api/queues/test/pause'],
      ['PUT', '/queues/api/queues/pause'],
      ['POST', '/queues/api/queues/test/add'],
      ['PUT', '/queues/api/queues/test/obliterate'],
    ] as const) {
      const { status } = await rig.call({
        method,
        url,
        key: null,
        headers: { cookie, 'sec-fetch-site': 'same-origin' },
      });
      expect([404, 405]).toContain(status);
    }
    expect((await get('/queues/api/queues', { cookie })).body).toMatchObject({
      queues: expect.arrayContaining([expect.objectContaining({ name: 'test', isPaused: false })]),
    });
  });
});

describe('changing, where it is switched on', () => {
  const pause = async (headers: Readonly<Record<string, string>>): Promise<Answer> =>
    await writable.call({ method: 'PUT', url: '/queues/api/queues/test/pause', key: null, headers });

  test('an admin may, from a page of ours', async () => {
    const cookie = await cookieOf(writable);
    expect((await pause({ cookie, 'sec-fetch-site': 'same-origin' })).status).toBe(200);
    const { body } = await writable.call({ url: '/queues/api/queues', key: null, headers: { cookie } });
    expect(body).toMatchObject({
      queues: expect.arrayContaining([expect.objectContaining({ name: 'test', isPaused: true, readOnlyMode: false })]),
    });
    expect((await pause({ cookie, origin: 'http://ours:8080', host: 'ours:8080' })).status).toBe(200);
  });

  test.each([
    [{ 'sec-fetch-site': 'cross-site' }],
    [{ 'sec-fetch-site': 'same-site', origin: 'http://ours:9090', host: 'ours:8080' }],
    [{ origin: 'http://elsewhere', host: 'ours:8080' }],
    [{ origin: 'null' }],
    [{}],
  ])('%j is refused', async (headers: Readonly<Record<string, string>>) => {
    const cookie = await cookieOf(writable);
    const { status, body } = await pause({ cookie, ...headers });
    expect({ status, code: body['code'] }).toEqual({ status: 403, code: 'origin-foreign' });
  });

  test('what bull-board refuses is refused as it says it', async () => {
    const cookie = await cookieOf(writable);
    const url = '/queues/api/queues/none/pause';
    const headers = { cookie, 'sec-fetch-site': 'same-origin' };
    expect((await writable.call({ method: 'PUT', url, key: null, headers })).status).toBe(404);
  });
});
