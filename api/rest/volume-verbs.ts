import type { RestApp, RouteParts } from './parts.ts';
import { type Verb, verbRoutes } from './verbs.ts';
import { volumeName } from './volumes.ts';

const one = (verb: string, kind: string, member: string): Verb => ({
  method: 'POST',
  url: `/v1/volumes/:name/${verb}`,
  kind,
  operationId: `${verb}Volume`,
  member,
});

const VERBS: readonly Verb[] = [
  { method: 'POST', url: '/v1/volumes', kind: 'volume.create', operationId: 'createVolume' },
  { method: 'DELETE', url: '/v1/volumes/:name', kind: 'volume.remove', operationId: 'removeVolume', member: 'name' },
  one('attach', 'volume.attach', 'volume'),
  one('detach', 'volume.detach', 'volume'),
  one('expand', 'volume.expand', 'name'),
  one('clone', 'volume.clone', 'source'),
];

export function volumeVerbRoutes(app: RestApp, parts: RouteParts): void {
  verbRoutes(app, parts, { tag: 'volumes', noun: 'volume', param: 'name', schema: volumeName, verbs: VERBS });
}
