import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { ALL_KINDS } from '../../jobs/all.ts';
import { type Rig, startRig } from './rig.ts';

const operation = z.object({
  operationId: z.string(),
  summary: z.string(),
  description: z.string(),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  responses: z.record(z.string(), z.unknown()),
  parameters: z.array(z.unknown()).optional(),
  requestBody: z.unknown().optional(),
});
const openApi = z.object({
  openapi: z.string(),
  paths: z.record(z.string(), z.record(z.string(), operation)),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
});

let rig: Rig;
let document: Record<string, unknown>;
/** Those that are of the API: pages are not. */
const routes: string[] = [];
beforeAll(async () => {
  rig = await startRig();
  rig.app.addHook('onRoute', ({ method, url, schema }) => {
    if (schema?.hide !== true) routes.push(...[method].flat().map((each) => `${each} ${url}`));
  });
  document = (await rig.call({ url: '/openapi.json', key: null })).body;
});
afterAll(async () => {
  await rig.close();
});

test('the document is valid OpenAPI 3.1', async () => {
  const validator = new Validator();
  const result = await validator.validate(structuredClone(document));
  expect(result.errors ?? []).toEqual([]);
  expect(result.valid).toBe(true);
  expect(validator.version).toBe('3.1');
});

test('every reference leads somewhere', () => {
  const { components } = openApi.parse(document);
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g)].map(([, to]) => to);
  expect(references).toContain('#/components/schemas/Job');
  const known = Object.keys(components.schemas).map((name) => `#/components/schemas/${name}`);
  expect(references.filter((to) => !known.includes(to ?? ''))).toEqual([]);
});

test('every route is in it, once and under a name of its own', () => {
  const { paths } = openApi.parse(document);
  const operations = Object.values(paths).flatMap((path) => Object.values(path));
  expect(operations.length).toBe(routes.filter((route) => !route.startsWith('HEAD ')).length);
  const ids = operations.map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(Object.keys(paths).toSorted()).toMatchInlineSnapshot(`
    [
      "/healthz",
      "/metrics",
      "/openapi.json",
      "/problems/{code}",
      "/readyz",
      "/v1/audit",
      "/v1/containers",
      "/v1/containers/{nameOrId}",
      "/v1/dead-letters/discard",
      "/v1/dead-letters/groups",
      "/v1/dead-letters/redrive",
      "/v1/deliveries/{id}",
      "/v1/deliveries/{id}/resend",
      "/v1/event-types",
      "/v1/events",
      "/v1/hosts",
      "/v1/hosts/{name}",
      "/v1/images",
      "/v1/images/{digest}",
      "/v1/jobs",
      "/v1/jobs/{id}",
      "/v1/jobs/{id}/cancel",
      "/v1/jobs/{id}/discard",
      "/v1/jobs/{id}/redrive",
      "/v1/jobs/{id}/trail",
      "/v1/keys",
      "/v1/keys/{id}",
      "/v1/kinds",
      "/v1/layers",
      "/v1/overview",
      "/v1/recoveries",
      "/v1/recoveries/{id}",
      "/v1/session",
      "/v1/sign-in",
      "/v1/stores",
      "/v1/stores/{name}",
      "/v1/strays",
      "/v1/volumes",
      "/v1/volumes/{name}",
      "/v1/webhooks",
      "/v1/webhooks/{id}",
      "/v1/webhooks/{id}/deliveries",
      "/v1/webhooks/{id}/replay",
      "/v1/webhooks/{id}/rotate",
      "/v1/webhooks/{id}/test",
    ]
  `);
});

test('operations say who may call them', () => {
  const { paths } = openApi.parse(document);
  expect(paths['/healthz']?.['get']?.security).toEqual([]);
  expect(paths['/v1/keys']?.['post']).toMatchObject({
    security: [{ key: [] }, { session: [] }],
    description: 'Needs a key with the role admin at least.',
  });
});

test('parameters say what form they have', () => {
  const { paths } = openApi.parse(document);
  const text = (path: string, method: string) => JSON.stringify(paths[path]?.[method]);
  expect(text('/v1/jobs/{id}', 'get')).toContain('{"type":"string","pattern":"^[0-9a-hjkmnp-tv-z]{26}$"}');
  expect(text('/v1/images/{digest}', 'get')).toContain('"pattern":"^sha256:[0-9a-f]{64}$"');
  expect(text('/v1/volumes/{name}', 'get')).toContain('"minLength":2,"maxLength":100');
  expect(text('/v1/volumes', 'get')).toContain('"pattern":"^[A-Za-z0-9_-]+$"');
  expect(text('/v1/webhooks', 'post')).toContain('"enum":["*","job.*"');
});

test('a submission is described kind by kind', () => {
  const text = JSON.stringify(document);
  expect(text).toContain('"kind":{"type":"string","enum":["parcel.send"]}');
  expect(text).toContain('"kind":{"type":"string","enum":["audit.run"]}');
});

test('with all kinds there are, the document is valid and has their routes', async () => {
  const all = await startRig(ALL_KINDS);
  const text = (await all.call({ url: '/openapi.json', key: null })).text;
  const kinds = (await all.call({ url: '/v1/kinds' })).body['items'];
  await all.close();
  const result = await new Validator().validate(JSON.parse(text));
  expect(result.errors ?? []).toEqual([]);
  expect(kinds).toHaveLength(ALL_KINDS.length);
  const { paths } = openApi.parse(JSON.parse(text));
  const bodyOf = (path: string) => JSON.stringify(paths[path]?.['post']);
  for (const { kind } of ALL_KINDS) expect(bodyOf('/v1/jobs')).toContain(`"${kind}"`);
  // The volume is named by the path; what else the kind needs is in the body.
  expect(bodyOf('/v1/volumes/{name}/attach')).toMatch(/"required":\["machine"\]/);
  expect(bodyOf('/v1/volumes/{name}/detach')).toMatch(/"properties":\{"machine":/);
  expect(bodyOf('/v1/volumes/{name}/expand')).toMatch(/"required":\["capacity"\]/);
  expect(bodyOf('/v1/volumes/{name}/clone')).toMatch(/"required":\["name"\]/);
  expect(paths['/v1/volumes/{name}']?.['delete']).toBeDefined();
  // What Stowage sets itself, nobody is told to send.
  expect(JSON.stringify(paths)).not.toContain('Set by Stowage');
  expect(bodyOf('/v1/containers/{nameOrId}/pause')).toContain('"properties":{}');
  expect(bodyOf('/v1/hosts/{name}/undrain')).toContain('"properties":{}');
  // Who has nothing to say sends no body.
  expect(bodyOf('/v1/containers/{nameOrId}/pause')).toContain('"required":false');
  expect(bodyOf('/v1/jobs/{id}/redrive')).toContain('"required":false');
  expect(bodyOf('/v1/volumes/{name}/attach')).toContain('"required":true');
  // A clone has these from its source.
  expect(bodyOf('/v1/volumes')).toContain('"clone-from":{');
  expect(bodyOf('/v1/volumes/{name}/clone')).not.toMatch(/"(Capacity|size|fstype|clone-from)":\{/);
});
