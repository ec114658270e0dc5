import { z } from 'zod';
import type { ContainerRecord } from '../../core/container.ts';
import { isErrorCode } from '../../core/errors.ts';
import type { RecordStore } from '../../core/ports/jobs.ts';
import { findContainer, noSuchContainer } from '../../jobs/container/find.ts';
import { findHost } from '../../jobs/host/host-of.ts';
import { containerState, containerView, viewContainer } from './container-view.ts';
import { filteredPage, pageOf, pageQuery, pageRequest, renderPage } from './pages.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';
import { type Verb, verbRoutes } from './verbs.ts';

const tags = ['containers'];
const nameOrId = z.string().min(1).max(200).describe('Its name, its id, or the beginning of its id');

const listQuery = z.strictObject({
  state: containerState.optional(),
  image: z.string().min(1).max(500).optional().describe('As it was named at the creation, or its id'),
  label: z.string().min(1).max(1_000).optional().describe('`key` or `key=value`'),
  host: z.string().min(1).max(300).optional().describe('On which it runs, or ran last, by name or moref'),
  ...pageQuery,
});
type ListQuery = z.infer<typeof listQuery>;

export function containerRoutes(app: RestApp, { records }: RouteParts): void {
  app.route({
    method: 'GET',
    url: '/v1/containers',
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'listContainers',
      summary: 'List containers by id',
      querystring: listQuery,
      response: { 200: pageOf(containerView), ...problemResponses },
    },
    handler: async (request, reply) => {
      const { limit, cursor, ...asked } = request.query;
      const filter = { type: 'container', ...asked };
      const matches = await matcherOf(records, asked);
      const page = await filteredPage(
        (wanted) => records.list('container', wanted),
        pageRequest({ limit, cursor }, filter),
        { matches: ({ record }) => matches(record), cursorOf: ({ record }) => record.name },
      );
      return renderPage(reply, page, filter, viewContainer);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/containers/:nameOrId',
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'readContainer',
      summary: 'Read a container',
      params: z.object({ nameOrId }),
      querystring: z.strictObject({}),
      response: { 200: containerView, ...problemResponses },
    },
    handler: async (request) => {
      const { name } = await findContainer(records, request.params.nameOrId);
      const found = await records.read('container', name);
      if (found === undefined) throw noSuchContainer(request.params.nameOrId);
      return viewContainer(found);
    },
  });
}

async function matcherOf(
  records: RecordStore,
  { state, image, label, host }: Omit<ListQuery, 'limit' | 'cursor'>,
): Promise<(record: ContainerRecord) => boolean> {
  const ref = host === undefined ? undefined : await refOf(records, host);
  const [, key = '', , value] = /^([^=]*)(=(.*))?$/s.exec(label ?? '') ?? [];
  return ({ spec, ...record }) => {
    if (state !== undefined && record.state !== state) return false;
    if (image !== undefined && spec.imageName !== image && spec.image !== image) return false;
    if (host !== undefined && record.machine?.host !== ref) return false;
    if (label === undefined) return true;
    return spec.labels[key] !== undefined && (value === undefined || spec.labels[key] === value);
  };
}

/** undefined: there is no such host, and so nothing on it. */
async function refOf(records: RecordStore, host: string): Promise<string | undefined> {
  try {
    return (await findHost(records, host)).ref;
  } catch (thrown) {
    if (!isErrorCode(thrown, 'host-not-found')) throw thrown;
    return '';
  }
}

const one = (verb: string): Verb => ({
  method: 'POST',
  url: `/v1/containers/:nameOrId/${verb}`,
  kind: `container.${verb}`,
  operationId: `${verb}Container`,
  member: 'container',
});

/** As a parameter: it is there, with nothing or with a word. */
const flag = z
  .enum(['', 'true', 'false', '1', '0'])
  .transform((text) => !['false', '0'].includes(text))
  .optional();

const VERBS: readonly Verb[] = [
  { method: 'POST', url: '/v1/containers', kind: 'container.create', operationId: 'createContainer' },
  ...['start', 'stop', 'restart', 'kill', 'pause', 'unpause', 'rename', 'update'].map(one),
  {
    method: 'DELETE',
    url: '/v1/containers/:nameOrId',
    kind: 'container.remove',
    operationId: 'removeContainer',
    member: 'container',
    query: {
      force: flag.describe('Also when it is running'),
      volumes: flag.describe('Its anonymous volumes go, too'),
    },
    as: { volumes: 'anonymous' },
  },
];

export function containerVerbRoutes(app: RestApp, parts: RouteParts): void {
  verbRoutes(app, parts, { tag: 'containers', noun: 'container', param: 'nameOrId', schema: nameOrId, verbs: VERBS });
}
