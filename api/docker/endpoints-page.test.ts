import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { renderEndpointsPage } from './endpoints-page.ts';
import { createRouter } from './router.ts';
import { ROUTES } from './routes.ts';

test('docs/docker.md is what the tables of routes say (npm run docs writes it)', () => {
  const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'docker.md'), 'utf8');
  expect(page).toBe(renderEndpointsPage());
});

/** Docker Engine API 1.50, docs/api/v1.50.yaml of moby, and the two that only the CLI's build uses. */
const ENGINE_API = `
GET /containers/json; POST /containers/create; GET /containers/x/json; GET /containers/x/top; GET /containers/x/logs;
GET /containers/x/changes; GET /containers/x/export; GET /containers/x/stats; POST /containers/x/resize; POST /containers/x/start;
POST /containers/x/stop; POST /containers/x/restart; POST /containers/x/kill; POST /containers/x/update; POST /containers/x/rename;
POST /containers/x/pause; POST /containers/x/unpause; POST /containers/x/attach; GET /containers/x/attach/ws; POST /containers/x/wait;
DELETE /containers/x; HEAD /containers/x/archive; GET /containers/x/archive; PUT /containers/x/archive; POST /containers/prune;
GET /images/json; POST /build; POST /build/prune; POST /images/create; GET /images/x/y/json; GET /images/x/y/history;
POST /images/x/y/push; POST /images/x/y/tag; DELETE /images/x/y; GET /images/search; POST /images/prune; POST /auth; GET /info;
GET /version; GET /_ping; HEAD /_ping; POST /commit; GET /events; GET /system/df; GET /images/x/y/get; GET /images/get;
POST /images/load; POST /containers/x/exec; POST /exec/x/start; POST /exec/x/resize; GET /exec/x/json; GET /volumes;
POST /volumes/create; GET /volumes/x; PUT /volumes/x; DELETE /volumes/x; POST /volumes/prune; GET /networks; GET /networks/x;
DELETE /networks/x; POST /networks/create; POST /networks/x/connect; POST /networks/x/disconnect; POST /networks/prune; GET /plugins;
GET /plugins/privileges; POST /plugins/pull; GET /plugins/x/json; DELETE /plugins/x; POST /plugins/x/enable; POST /plugins/x/disable;
POST /plugins/x/upgrade; POST /plugins/create; POST /plugins/x/push; POST /plugins/x/set; GET /nodes; GET /nodes/x; DELETE /nodes/x;
POST /nodes/x/update; GET /swarm; POST /swarm/init; POST /swarm/join; POST /swarm/leave; POST /swarm/update; GET /swarm/unlockkey;
POST /swarm/unlock; GET /services; POST /services/create; GET /services/x; DELETE /services/x; POST /services/x/update;
GET /services/x/logs; GET /tasks; GET /tasks/x; GET /tasks/x/logs; GET /secrets; POST /secrets/create; GET /secrets/x;
DELETE /secrets/x; POST /secrets/x/update; GET /configs; POST /configs/create; GET /configs/x; DELETE /configs/x;
POST /configs/x/update; GET /distribution/x/y/json; POST /session; POST /grpc`
  .split(';')
  .map((line) => line.trim());

test.each(ENGINE_API)('%s is answered by a route of its own', (line) => {
  const [method = '', path = ''] = line.split(' ');
  const found = createRouter(ROUTES).find(method, path, 50);
  const shape = (text: string): string => text.replaceAll(/\{\w+(:\.\*)?\}|\bx(\/y)?(?=\/|$)/g, 'x');
  expect(shape(found?.route.path ?? 'none')).toBe(shape(path));
});

test('no route is there twice', () => {
  const names = ROUTES.map(({ method, path }) => `${method} ${path}`);
  expect(names).toHaveLength(new Set(names).size);
  expect(names).toHaveLength(ENGINE_API.length);
});
