import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Rig, startRig } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => {
  await rig.close();
});

const nothingIsWritten = async () => expect((await rig.call({ url: '/v1/jobs' })).body).toEqual({ items: [] });
const json = { 'content-type': 'application/json' };

test.each([
  ['no JSON', '{"kind":', json, 400, 'body-malformed'],
  ['an empty body', '', json, 400, 'request-invalid'],
  ['a body that is an array', '[]', json, 400, 'request-invalid'],
  ['a body that is null', 'null', json, 400, 'request-invalid'],
  ['a poisoned prototype', '{"kind":"parcel.send","payload":{"__proto__":{"a":1}}}', json, 400, 'body-malformed'],
  ['text', 'hello', { 'content-type': 'text/plain' }, 415, 'media-type-unsupported'],
  ['a form', 'kind=parcel.send', { 'content-type': 'application/x-www-form-urlencoded' }, 400, 'body-malformed'],
  ['a strange type', '{}', { 'content-type': 'application/xml; nonsense=' }, 415, 'media-type-unsupported'],
  ['too much', `"${'x'.repeat(1_048_577)}"`, json, 413, 'body-too-large'],
] as const)('%s is refused with a problem document', async (_what, payload, headers, status, code) => {
  const answer = await rig.call({ method: 'POST', url: '/v1/jobs', payload, headers });
  expect(answer).toMatchObject({ status, body: { code, status, type: `/problems/${code}`, instance: '/v1/jobs' } });
  expect(answer.headers['content-type']).toBe('application/problem+json');
  await nothingIsWritten();
});

test.each([
  ['an unknown kind', { kind: 'parcel.lose', payload: {} }, '/kind', 'kind-unknown'],
  ['no kind', { payload: {} }, '/kind', 'request-invalid'],
  ['an unknown member', { kind: 'parcel.send', payload: { name: 'ab' }, colour: 'red' }, '/colour', 'request-invalid'],
  ['no payload', { kind: 'parcel.send' }, '/payload', 'request-invalid'],
  ['a payload that is text', { kind: 'parcel.send', payload: 'ab' }, '/payload', 'request-invalid'],
  ['a bad name', { kind: 'parcel.send', payload: { name: 'x' } }, '/payload/name', 'request-invalid'],
  [
    'a bad size',
    { kind: 'parcel.send', payload: { name: 'ab', options: { Capacity: '10XB' } } },
    '/payload/options/Capacity',
    'request-invalid',
  ],
  [
    'an unknown option',
    { kind: 'parcel.send', payload: { name: 'ab', options: { 'a/b': '1' } } },
    '/payload/options/a~1b',
    'request-invalid',
  ],
] as const)('%s is refused, naming the field', async (_what, payload, pointer, code) => {
  const { status, body } = await rig.call({ method: 'POST', url: '/v1/jobs', payload });
  expect(status).toBe(400);
  expect(body).toMatchObject({ code, errors: [{ pointer }] });
  await nothingIsWritten();
});

test('what is missing is said to be missing, and a body that is no JSON to be none', async () => {
  const submit = async (payload: string) => {
    const { status, body } = await rig.call({ method: 'POST', url: '/v1/jobs', payload, headers: json });
    expect(status).toBe(400);
    return body;
  };
  expect(await submit('{}')).toMatchObject({ errors: [{ pointer: '/kind', detail: 'is missing' }] });
  expect(await submit('{"kind":"parcel.send"}')).toMatchObject({
    errors: [{ pointer: '/payload', detail: 'is missing' }],
  });
  expect(await submit('{"kind":"parcel.send","payload":{}}')).toMatchObject({
    errors: [{ pointer: '/payload/name', detail: 'is missing' }],
  });
  expect(await submit('{"kind":"parcel.lose"}')).toMatchObject({ code: 'kind-unknown' });
  expect(await submit('{"kind":')).toMatchObject({
    code: 'body-malformed',
    errors: [{ pointer: '', detail: 'is not JSON, or has a member called __proto__ or constructor' }],
  });
  await nothingIsWritten();
});

test('a bad Idempotency-Key is refused, naming the header', async () => {
  const payload = { kind: 'parcel.send', payload: { name: 'ab' } };
  const headers = { 'idempotency-key': 'x'.repeat(256) };
  const { status, body } = await rig.call({ method: 'POST', url: '/v1/jobs', payload, headers });
  expect(status).toBe(400);
  expect(body['errors']).toMatchObject([{ parameter: 'idempotency-key' }]);
  await nothingIsWritten();
});

test('what curl -d sends by default is read as JSON', async () => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const payload = '{"kind":"parcel.send","payload":{"name":"x"}}';
  const { body } = await rig.call({ method: 'POST', url: '/v1/jobs', payload, headers });
  expect(body).toMatchObject({ errors: [{ pointer: '/payload/name' }] });
});

test.each([
  ['GET', '/v2/jobs', 404, 'route-unknown'],
  ['GET', '/%zz', 400, 'request-invalid'],
  ['GET', `/v1/jobs/${'x'.repeat(2_000)}`, 400, 'request-invalid'],
  ['PATCH', '/v1/jobs', 405, 'method-not-allowed'],
  ['GET', '/v1/jobs/00000000000000000000000000/cancel', 405, 'method-not-allowed'],
  ['GET', '/problems/no-such-code', 404, 'route-unknown'],
  ['GET', '/v1/volumes/no_such_volume', 404, 'volume-not-found'],
  ['GET', '/v1/volumes/-bad-', 400, 'request-invalid'],
  ['GET', '/v1/stores/none', 404, 'store-not-found'],
  ['GET', '/v1/hosts/none', 404, 'host-not-found'],
] as const)('%s %s is answered with a problem', async (method, url, status, code) => {
  const answer = await rig.call({ method, url });
  expect(answer).toMatchObject({ status, body: { code } });
  expect(answer.headers['content-type']).toBe('application/problem+json');
});

test.each(['/v1/nothing', '/v1/kinds'])('a body that nobody takes does not matter at %s', async (url) => {
  const options = { method: 'POST', url, payload: 'hello', headers: { 'content-type': 'text/plain' } } as const;
  expect((await rig.call(options)).status).toBe(url === '/v1/kinds' ? 405 : 404);
});

test('a method that is not allowed comes with those that are', async () => {
  const { headers } = await rig.call({ method: 'PUT', url: '/v1/jobs' });
  expect(headers['allow']).toBe('POST, GET, HEAD');
});

test('the page of an error code says what to do', async () => {
  const page = await rig.call({ url: '/problems/file-locked', key: null });
  expect(page).toMatchObject({ status: 200, body: { code: 'file-locked', status: 503, disposition: 'retry' } });
  const html = await rig.call({ url: '/problems/file-locked', key: null, headers: { accept: 'text/html' } });
  expect(html.text).toContain('<h1>file-locked</h1>');
});
