import fastifyStatic from '@fastify/static';
import type { RestApp, RouteParts } from '../rest/parts.ts';
import { apiDocs } from './api-docs.ts';
import { consoleFiles } from './console-files.ts';
import { oidcPages } from './oidc-pages.ts';
import { rawQueues } from './raw-queues.ts';

/** What people open in a browser. */
export function webPages(app: RestApp, parts: RouteParts): void {
  void app.register(async (scope: RestApp) => {
    await scope.register(fastifyStatic, { serve: false, root: parts.consoleDir, preCompressed: true });
    consoleFiles(scope, { dir: parts.consoleDir });
    apiDocs(scope);
    const { oidc } = parts;
    if (oidc !== undefined) await scope.register(async (pages: RestApp) => oidcPages(pages, { ...parts, oidc }));
    await scope.register(async (queues: RestApp) => rawQueues(queues, parts));
  });
}
