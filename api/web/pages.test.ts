import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, type Rig, startRig } from '../rest/rig.ts';

const STRICT =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; " +
  "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

let dir: string;
let rig: Rig;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'stowage-console-'));
  mkdirSync(join(dir, 'dist', 'assets'), { recursive: true });
  writeFileSync(join(dir, 'secret.txt'), 'outside');
  writeFileSync(join(dir, 'dist', 'index.html'), '<!doctype html><title>Console</title>');
  writeFileSync(join(dir, 'dist', 'favicon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  const script = `console.log(${JSON.stringify('x'.repeat(2_000))});`;
  writeFileSync(join(dir, 'dist', 'assets', 'main-1a2b3c.js'), script);
  writeFileSync(join(dir, 'dist', 'assets', 'main-1a2b3c.js.gz'), gzipSync(script));
  rig = await startRig(undefined, { consoleDir: join(dir, 'dist') });
});
afterAll(async () => {
  await rig.close();
  rmSync(dir, { recursive: true, force: true });
});

const get = async (url: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
  await rig.call({ url, key: null, headers });

describe('the console', () => {
  test.each(['/', '/console'])('%s leads to it', async (url) => {
    expect(await get(url)).toMatchObject({ status: 302, headers: { location: '/console/' } });
  });

  test.each([
    '/console/',
    '/console/jobs',
    '/console/jobs/01hzy0000000000000000000ab',
    '/console/hosts/esx1.example.com',
    '/console/volumes/a%2Fb',
    '/console/index.html',
    '/console/jobs?state=dead',
  ])('%s is its page, whoever asks', async (url) => {
    const { status, headers, text } = await get(url);
    expect({ status, text }).toEqual({ status: 200, text: '<!doctype html><title>Console</title>' });
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'public, max-age=0',
      'content-security-policy': STRICT,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
    });
  });

  test('files whose name holds their hash are kept for good, compressed where that is taken', async () => {
    const { headers, status } = await get('/console/assets/main-1a2b3c.js');
    expect(status).toBe(200);
    expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(headers['content-type']).toContain('javascript');
    const small = await get('/console/assets/main-1a2b3c.js', { 'accept-encoding': 'gzip' });
    expect(small.headers['content-encoding']).toBe('gzip');
    expect(Number(small.headers['content-length'])).toBeLessThan(Number(headers['content-length']));
  });

  test('other files are asked for again, and not sent again', async () => {
    const { headers } = await get('/console/favicon.svg');
    expect(headers).toMatchObject({
      'content-type': 'image/svg+xml',
      'cache-control': 'public, max-age=0',
    });
    expect((await get('/console/favicon.svg', { 'if-none-match': String(headers['etag']) })).status).toBe(304);
  });

  test('a file of an older build is not answered with the page', async () => {
    const { status, body } = await get('/console/assets/main-older.js');
    expect({ status, code: body['code'] }).toEqual({ status: 404, code: 'route-unknown' });
  });

  test.each([
    '/console/../secret.txt',
    '/console/%2e%2e/secret.txt',
    '/console/..%2fsecret.txt',
    '/console/assets/..%2f..%2fsecret.txt',
    '/console/%00',
    '/console/..%5csecret.txt',
  ])('%s leads nowhere outside', async (url) => {
    const { status, text } = await get(url);
    expect(status).toBeLessThan(500);
    expect(text).not.toContain('outside');
  });

  test.each(['/console/', '/console/jobs', '/console/assets/main-1a2b3c.js', '/docs/', '/docs/swagger-ui.css'])(
    'HEAD %s says the same without a body',
    async (url) => {
      const head = await rig.call({ method: 'HEAD', url, key: null });
      const whole = await get(url);
      expect({ status: head.status, text: head.text }).toEqual({ status: 200, text: '' });
      for (const name of ['content-type', 'content-length', 'content-security-policy', 'etag']) {
        expect(head.headers[name]).toBe(whole.headers[name]);
      }
    },
  );

  test('nothing is posted to it', async () => {
    const { status, headers } = await rig.call({ method: 'POST', url: '/console/jobs', key: null });
    expect({ status, allow: headers['allow'] }).toEqual({ status: 405, allow: 'GET, HEAD' });
  });

  test('where it is not built a page says how', async () => {
    const other = await startRig();
    try {
      const { status, headers, text } = await other.call({ url: '/console/', key: null });
      expect(status).toBe(503);
      expect(headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'content-security-policy': STRICT });
      expect(text).toContain('npm run console');
      expect((await other.call({ url: '/console/assets/x.js', key: null })).status).toBe(404);
    } finally {
      await other.close();
    }
  });
});

describe('the documentation', () => {
  test('it is a page without anything inline or foreign', async () => {
    expect(await get('/docs')).toMatchObject({ status: 302, headers: { location: '/docs/' } });
    const { status, text, headers } = await get('/docs/');
    expect(status).toBe(200);
    expect(text).not.toMatch(/<script(?![^>]* src=)|https?:\/\/|style=/);
    expect(headers['content-security-policy']).toContain("script-src 'self';");
    for (const [, name] of text.matchAll(/(?:src|href)="([^"/]+)"/g))
      expect((await get(`/docs/${name}`)).status).toBe(200);
  });

  test.each(['/docs/package.json', '/docs/../pages.ts', '/docs/%2e%2e/pages.ts', '/docs/oauth2-redirect.html'])(
    '%s is not among its files',
    async (url) => {
      expect((await get(url)).status).toBe(404);
    },
  );
});

test('what is data runs nothing where it is shown as a page', async () => {
  for (const url of ['/v1/jobs', '/openapi.json', '/problems/job-not-dead', '/nowhere']) {
    const { headers } = await get(url, { accept: 'text/html' });
    expect(headers).toMatchObject({
      'content-security-policy': "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
    });
  }
});
