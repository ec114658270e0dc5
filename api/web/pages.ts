import fastifyStatic from '@fastify/static';
import type { RestApp, RouteParts } from '../rest/parts.ts';
import { apiDocs } from './api-docs.ts';
import { consoleFiles } from './console-files.ts';
import { rawQueues } from './raw-queues.ts';

/** What people open in a browser. */
export function webPages(app: RestApp, parts: RouteParts): void {
  void app.register(async (scope: RestApp) => {
    await scope.register(fastifyStatic, { serve: false, root: parts.consoleDir, preCompressed: true });
    consoleFiles(scope, { dir: parts.consoleDir });
    apiDocs(scope);
    await scope.register(async (queues: RestApp) => rawQueues(queues, parts));
  });
}
