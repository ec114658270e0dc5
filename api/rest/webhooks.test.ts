import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Answer, type Rig, startRig } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => {
  await rig.close();
});

const URL_OF_A = 'https://hooks.example.com/a';

async function create(more: object = {}): Promise<Answer & { readonly path: string }> {
  const answer = await rig.call({ method: 'POST', url: '/v1/webhooks', payload: { url: URL_OF_A, ...more } });
  return { ...answer, path: String(answer.headers['location']) };
}

const errorsOf = ({ body }: Answer): readonly unknown[] => z.array(z.unknown()).parse(body['errors']);

describe('/v1/webhooks', () => {
  test('one is made, shows its secret once, and is read, listed and removed', async () => {
    const made = await create({ eventTypes: ['volume.*', 'job.dead'], description: 'pager' });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      url: URL_OF_A,
      eventTypes: ['volume.*', 'job.dead'],
      description: 'pager',
      format: 'standard',
      state: 'enabled',
      pending: 0,
      secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
    });
    const read = await rig.call({ url: made.path });
    expect(read).toMatchObject({ status: 200, headers: { etag: '"1"' } });
    expect(read.text).not.toContain('whsec_');
    const list = await rig.call({ url: '/v1/webhooks' });
    expect(list.body['items']).toContainEqual(read.body);
    expect(list.text).not.toContain('whsec_');
    expect(await rig.call({ method: 'DELETE', url: made.path })).toMatchObject({ status: 204 });
    expect(await rig.call({ url: made.path })).toMatchObject({ status: 404, body: { code: 'webhook-not-found' } });
    expect(await rig.call({ method: 'DELETE', url: made.path })).toMatchObject({ status: 404 });
    expect(rig.log()).not.toContain(String(made.body['secret']));
  });

  test.each([
    ['http://hooks.example.com', 'STOWAGE_WEBHOOK_ALLOW_HTTP'],
    ['https://127.0.0.1/', 'loopback'],
    ['https://[::ffff:169.254.169.254]/', 'link-local'],
    ['https://0xa9fea9fe/latest/meta-data', 'link-local'],
    ['https://10.2.0.1/', 'private'],
    ['https://user:pass@hooks.example.com/', 'user or password'],
    ['ftp://hooks.example.com', 'https://'],
    ['hooks.example.com', 'https://'],
  ])('%s is refused: %s', async (url, reason) => {
    const refused = await rig.call({ method: 'POST', url: '/v1/webhooks', payload: { url } });
    expect(refused).toMatchObject({ status: 400, body: { code: 'request-invalid' } });
    expect(errorsOf(refused)).toEqual([{ pointer: '/url', detail: expect.stringContaining(reason) }]);
    const made = await create();
    expect(await rig.call({ method: 'PATCH', url: made.path, payload: { url } })).toMatchObject({ status: 400 });
  });

  test('an address that the configuration allows is taken', async () => {
    expect(await create({ url: 'https://10.1.2.3/hook' })).toMatchObject({ status: 201 });
  });

  test('filters must name types that there are', async () => {
    const refused = await rig.call({
      method: 'POST',
      url: '/v1/webhooks',
      payload: { url: URL_OF_A, eventTypes: ['volume.*', 'volume.exploded', 'tape.*'] },
    });
    expect(errorsOf(refused)).toMatchObject([{ pointer: '/eventTypes/1' }, { pointer: '/eventTypes/2' }]);
    expect(await create({ eventTypes: [] })).toMatchObject({ status: 400 });
  });

  test('a change keeps what it does not name, and one for an older revision is refused', async () => {
    const { path, body } = await create({ description: 'old' });
    const first = await rig.call({
      method: 'PATCH',
      url: path,
      headers: { 'if-match': '"1"' },
      payload: { description: 'new', format: 'cloudevents-binary' },
    });
    expect(first).toMatchObject({
      status: 200,
      headers: { etag: '"2"' },
      body: { url: URL_OF_A, description: 'new', format: 'cloudevents-binary', createdAt: body['createdAt'] },
    });
    const late = {
      method: 'PATCH',
      url: path,
      headers: { 'if-match': '"1"' },
      payload: { state: 'disabled' },
    } as const;
    expect(await rig.call(late)).toMatchObject({ status: 412, body: { code: 'precondition-failed' } });
    expect(await rig.call({ method: 'DELETE', url: path, headers: { 'if-match': '"1"' } })).toMatchObject({
      status: 412,
    });
  });

  test.each(['W/"1"', '0', '"7", "8"', ''])('If-Match %j is none of its tags', async (tag) => {
    const { path } = await create();
    const change = { method: 'PATCH', url: path, payload: {}, headers: { 'if-match': tag } } as const;
    expect(await rig.call(change)).toMatchObject({ status: 412, body: { code: 'precondition-failed' } });
    expect(await rig.call({ ...change, method: 'DELETE' })).toMatchObject({ status: 412 });
  });

  test.each(['*', ' "1" ', '"7", "1"'])('If-Match %j lets a change through', async (tag) => {
    const { path } = await create();
    expect(await rig.call({ method: 'PATCH', url: path, payload: {}, headers: { 'if-match': tag } })).toMatchObject({
      status: 200,
    });
  });

  test('disabling and enabling are told as events', async () => {
    const { path, body } = await create();
    const subject = `webhook:${String(body['id'])}`;
    const disabled = await rig.call({ method: 'PATCH', url: path, payload: { state: 'disabled' } });
    expect(disabled.body).toMatchObject({ state: 'disabled', disabledReason: 'person' });
    const test = await rig.call({ method: 'POST', url: `${path}/test` });
    expect(test).toMatchObject({ status: 409, body: { code: 'webhook-disabled' } });
    const enabled = await rig.call({ method: 'PATCH', url: path, payload: { state: 'enabled' } });
    expect(enabled.body).toMatchObject({ state: 'enabled' });
    expect(enabled.body).not.toHaveProperty('disabledReason');
    const events = await rig.call({ url: '/v1/events', query: { subject } });
    expect(events.body['items']).toMatchObject([
      { type: 'webhook.enabled', data: { by: 'person' } },
      { type: 'webhook.disabled', data: { reason: 'person' } },
    ]);
  });

  test('a rotation shows a new secret, and how long the old one signs', async () => {
    const { path, body } = await create();
    const rotated = await rig.call({ method: 'POST', url: `${path}/rotate`, payload: { overlapHours: 2 } });
    expect(rotated.status).toBe(200);
    expect(rotated.body['secret']).not.toBe(body['secret']);
    const leftMs = Date.parse(String(rotated.body['previousSecretUntil'])) - Date.now();
    expect(leftMs).toBeGreaterThan(7_000_000);
    expect(leftMs).toBeLessThanOrEqual(7_200_000);
    expect((await rig.call({ method: 'POST', url: `${path}/rotate` })).status).toBe(200);
    const atOnce = await rig.call({ method: 'POST', url: `${path}/rotate`, payload: { overlapHours: 0 } });
    expect(atOnce.body).not.toHaveProperty('previousSecretUntil');
  });

  test('a test is a delivery of its own, in no listing of events', async () => {
    const { path, body } = await create();
    const sent = await rig.call({ method: 'POST', url: `${path}/test` });
    expect(sent).toMatchObject({
      status: 202,
      body: { state: 'pending', isTest: true, event: { type: 'webhook.test', data: { by: 'key:preset' } } },
    });
    const delivery = await rig.call({ url: String(sent.headers['location']) });
    expect(delivery.body).toEqual(sent.body);
    const listed = await rig.call({ url: `${path}/deliveries?state=pending&type=webhook.test` });
    expect(listed.body['items']).toEqual([sent.body]);
    expect((await rig.call({ url: `${path}/deliveries?state=failed` })).body['items']).toEqual([]);
    const subject = `webhook:${String(body['id'])}`;
    expect((await rig.call({ url: '/v1/events', query: { subject } })).body['items']).toEqual([]);
    const again = await rig.call({ method: 'POST', url: `/v1/deliveries/${String(sent.body['id'])}/resend` });
    expect(again).toMatchObject({ status: 202, body: { id: sent.body['id'], state: 'pending' } });
  });

  test('deliveries are paged', async () => {
    const { path } = await create();
    for (let n = 0; n < 5; n += 1) await rig.call({ method: 'POST', url: `${path}/test` });
    const first = await rig.call({ url: `${path}/deliveries?limit=3` });
    expect(first.body['items']).toHaveLength(3);
    const second = await rig.call({ url: `${path}/deliveries?limit=3&cursor=${String(first.body['next'])}` });
    expect(second.body['items']).toHaveLength(2);
    expect(second.body).not.toHaveProperty('next');
  });

  test('a replay is accepted once at a time', async () => {
    const { path } = await create();
    const since = '2026-01-01T00:00:00.000Z';
    const accepted = await rig.call({ method: 'POST', url: `${path}/replay`, payload: { since } });
    expect(accepted).toMatchObject({ status: 202, body: { since } });
    const again = await rig.call({ method: 'POST', url: `${path}/replay`, payload: { since } });
    expect(again).toMatchObject({ status: 409, body: { code: 'webhook-replaying' } });
    const { path: other } = await create();
    const ever = { since: '0000-01-01T00:00:00Z', until: '0000-01-01T00:00:00Z' };
    expect(await rig.call({ method: 'POST', url: `${other}/replay`, payload: ever })).toMatchObject({ status: 202 });
    const backwards = { since, until: '2025-01-01T00:00:00.000Z' };
    expect(await rig.call({ method: 'POST', url: `${path}/replay`, payload: backwards })).toMatchObject({
      status: 400,
    });
  });

  test('ids that are none are not found', async () => {
    for (const url of ['/v1/webhooks/wh_x', '/v1/webhooks/wh_x/deliveries', '/v1/deliveries/msg_x']) {
      expect(await rig.call({ url })).toMatchObject({ status: 404 });
    }
    expect(await rig.call({ method: 'POST', url: '/v1/deliveries/msg_x/resend' })).toMatchObject({ status: 404 });
  });

  test('viewers read; changing is for admins', async () => {
    const { path } = await create();
    const key = async (role: string): Promise<string> => {
      const { body } = await rig.call({ method: 'POST', url: '/v1/keys', payload: { name: `hooks-${role}`, role } });
      return String(body['key']);
    };
    const [viewer, operator] = [await key('viewer'), await key('operator')];
    const read = await rig.call({ url: path, key: viewer });
    expect(read.body['url']).toBe('https://hooks.example.com/…');
    for (const url of ['/v1/webhooks', path, `${path}/deliveries`]) {
      const shown = await rig.call({ url, key: viewer });
      expect(shown.status).toBe(200);
      expect(shown.text).not.toContain(URL_OF_A);
    }
    for (const url of [
      '/v1/webhooks',
      `${path}/rotate`,
      `${path}/test`,
      `${path}/replay`,
      '/v1/deliveries/msg_x/resend',
    ]) {
      expect(await rig.call({ method: 'POST', url, key: operator, payload: {} })).toMatchObject({ status: 403 });
    }
    expect(await rig.call({ method: 'PATCH', url: path, key: operator, payload: {} })).toMatchObject({ status: 403 });
    expect(await rig.call({ method: 'DELETE', url: path, key: operator })).toMatchObject({ status: 403 });
  });

  test('there is a limit to how many there are', async () => {
    const answers: number[] = [];
    while (!answers.includes(409) && answers.length < 250) answers.push((await create()).status);
    expect(answers.at(-1)).toBe(409);
    expect((await rig.call({ url: '/v1/webhooks' })).body['items']).toHaveLength(200);
    const metrics = await rig.call({ url: '/metrics' });
    expect(metrics.text).toContain('stowage_webhooks{state="enabled"} 200');
    expect(metrics.text).toContain('stowage_webhook_oldest_pending_age_seconds ');
  });
});
