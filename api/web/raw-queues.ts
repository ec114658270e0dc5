import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { asStowageError, StowageError } from '../../core/errors.ts';
import type { RestApp, RouteParts } from '../rest/parts.ts';
import { type Board, createBoard } from './bull-board.ts';
import { protectPage, STYLED_PAGE_POLICY } from './headers.ts';
import { ASSET } from './serving.ts';

const BASE = '/queues';
/** It has a `<base>`, and sets styles in its markup. */
const POLICY = STYLED_PAGE_POLICY.replace("base-uri 'none'", "base-uri 'self'");
const ROUTE = { config: { access: 'admin', forgery: 'origin' }, schema: { hide: true } } as const;
const path = z.object({ '*': z.string() });
const text = z.record(z.string(), z.string());

/**
 * BullMQ's queues as they are, by bull-board, for admins. Its own requests carry no header of ours: what changes something is taken by its
 * origin. Unless the queues are writable, there are no routes that change anything.
 */
export function rawQueues(app: RestApp, parts: RouteParts): void {
  const { isQueuesWritable: isWritable } = parts.web;
  const board = createBoard(parts.rawQueues(), { isWritable });
  leadToSignIn(app);
  app.route({
    method: 'GET',
    url: BASE,
    ...ROUTE,
    handler: async (_request, reply) => await reply.redirect(`${BASE}/`),
  });
  servePages(app, board);
  for (const { method, route, handler } of board.api) {
    const methods = [method].flat().map((each) => each.toUpperCase());
    if (!isWritable && !methods.every((each) => each === 'GET')) continue;
    for (const url of [route].flat()) {
      app.route({
        method: methods,
        url: `${BASE}${url}`,
        ...ROUTE,
        handler: async (request, reply) => {
          const { status = 200, body } = await run(board, handler, request);
          return await reply.code(status).header('cache-control', 'no-store').send(body);
        },
      });
    }
  }
}

type Handler = Board['api'][number]['handler'];

/** All that it does is to ask Redis, so whatever goes wrong goes wrong there. */
async function run({ queues, uiConfig }: Board, handler: Handler, request: FastifyRequest) {
  try {
    return await handler({
      queues,
      uiConfig,
      params: text.parse(request.params ?? {}),
      query: z.record(z.string(), z.unknown()).parse(request.query ?? {}),
      body: z.record(z.string(), z.unknown()).catch({}).parse(request.body),
      headers: {},
    });
  } catch (error) {
    const { message } = asStowageError(error);
    throw new StowageError('redis-unavailable', `the queues cannot be read: ${message}`, { cause: error });
  }
}

function servePages(app: RestApp, board: Board): void {
  const { entry, uiConfig, viewsDir, staticDir } = board;
  const { name, params } = entry.handler({ basePath: `${BASE}/`, uiConfig });
  const page = render(readFileSync(join(viewsDir, name), 'utf8'), text.parse(params));
  for (const url of [entry.route].flat()) {
    app.route({
      method: 'GET',
      url: `${BASE}${url}`,
      ...ROUTE,
      handler: async (_request, reply) => {
        protectPage(reply, POLICY);
        return await reply.type('text/html; charset=utf-8').header('cache-control', 'no-store').send(page);
      },
    });
  }
  app.route({
    method: 'GET',
    url: `${BASE}/static/*`,
    ...ROUTE,
    handler: async (request, reply) => await reply.sendFile(path.parse(request.params)['*'], staticDir, ASSET),
  });
}

/** Its template names values, and a font of another server that the policy would refuse. */
function render(template: string, values: Readonly<Record<string, string>>): string {
  return template
    .replaceAll(/<link href="https:[^>]*>/g, '')
    .replaceAll(/<%[=-] (\w+) %>/g, (_all, name: string) => values[name] ?? '');
}

/** Who opens the page without being signed in is led to where that is done. */
function leadToSignIn(app: RestApp): void {
  app.setErrorHandler(async (error, request, reply): Promise<FastifyReply> => {
    const isPage = (request.headers.accept ?? '').includes('text/html');
    if (isPage && error instanceof StowageError && error.kind === 'unauthenticated') {
      return await reply.redirect('/console/');
    }
    throw error;
  });
}
