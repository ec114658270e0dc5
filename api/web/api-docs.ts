import { join } from 'node:path';
import { StowageError } from '../../core/errors.ts';
import type { RestApp } from '../rest/parts.ts';
import { protectPage } from './headers.ts';
import { PAGE, PAGE_ROUTE, packageDir } from './serving.ts';
import { z } from 'zod';

const path = z.object({ '*': z.string() });
const OURS = join(import.meta.dirname, 'docs');

/** Swagger UI on the OpenAPI document: nothing of it comes from elsewhere. Anybody may read it, as the document. */
export function apiDocs(app: RestApp): void {
  const dist = packageDir('swagger-ui-dist');
  const files: ReadonlyMap<string, string> = new Map([
    ['index.html', OURS],
    ['page.css', OURS],
    ['plain.css', OURS],
    ['start.js', OURS],
    ['swagger-ui.css', dist],
    ['swagger-ui-bundle.js', dist],
    ['favicon-32x32.png', dist],
  ]);
  app.route({
    method: 'GET',
    url: '/docs',
    ...PAGE_ROUTE,
    handler: async (_request, reply) => await reply.redirect('/docs/'),
  });
  app.route({
    method: 'GET',
    url: '/docs/*',
    ...PAGE_ROUTE,
    handler: async (request, reply) => {
      const name = path.parse(request.params)['*'] || 'index.html';
      const root = files.get(name);
      if (root === undefined) throw new StowageError('route-unknown', `there is nothing at /docs/${name}`);
      protectPage(reply);
      return await reply.sendFile(name, root, PAGE);
    },
  });
}
