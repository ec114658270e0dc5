import type { FastifyReply, FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import { EVENT_TYPES, type EventType, type StowageEvent } from '../../core/events.ts';
import { eventDataSchema } from '../../core/event-data.ts';
import type { EventStore } from '../../core/ports/jobs.ts';
import { createRecheck } from './auth.ts';
import { eventFrames, type Following } from './event-stream.ts';
import { pageOf, pageQuery, pageRequest, renderPage } from './pages.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';

const tags = ['events'];
const STREAM_TYPE = 'text/event-stream';
/** Event streams of one process. */
const MAX_STREAMS = 1_000;
/** A client that takes nothing for so long is let go; it can resume. */
const STALL_MS = 30_000;
/** How soon a stream ends whose key was revoked, or whose session is over. */
const RECHECK_MS = 30_000;
const EVENT_ID = /^\d{1,15}(-\d{1,15})?$/;

const types = Object.keys(EVENT_TYPES) as [EventType, ...EventType[]];
export const eventView = z
  .object({
    id: z.string().describe('Orders events and resumes a reader'),
    type: z.string(),
    time: z.iso.datetime(),
    subject: z.string().describe('`volume:<name>`, `job:<id>` and so on'),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'Event' });
const eventTypeView = z
  .object({
    type: z.string(),
    description: z.string(),
    schema: z.record(z.string(), z.unknown()).describe('JSON Schema (2020-12) of `data`'),
  })
  .meta({ id: 'EventType' });
const eventId = z.string().regex(EVENT_ID, 'must be the id of an event');

const eventQuery = z.strictObject({
  subject: z.string().min(1).max(400).optional().describe('e.g. `volume:demo_vol`'),
  type: z
    .preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(z.enum(types)).max(types.length))
    .optional()
    .describe('May be given several times'),
  after: eventId.optional().describe('As `Last-Event-ID`, for streams; `0` for all that is kept'),
  ...pageQuery,
});

export function eventRoutes(app: RestApp, parts: RouteParts): void {
  const streams = createStreams(parts);
  app.route({
    method: 'GET',
    url: '/v1/events',
    exposeHeadRoute: false,
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'readEvents',
      summary:
        'A page of events, newest first; with `Accept: text/event-stream` a stream of those to come, oldest first',
      querystring: eventQuery,
      headers: z.looseObject({ 'last-event-id': eventId.optional().describe('Goes on after this event') }),
      response: {
        200: {
          description: 'A page, or a stream of server-sent events whose `data` is an event',
          content: { 'application/json': { schema: pageOf(eventView) }, [STREAM_TYPE]: { schema: z.string() } },
        },
        ...problemResponses,
      },
    },
    handler: async (request, reply) => {
      const { limit, cursor, subject, type, after } = request.query;
      const matches = (event: StowageEvent) =>
        (subject === undefined || event.subject === subject) && (type === undefined || type.includes(event.type));
      reply.header('vary', 'accept');
      if (request.headers.accept?.includes(STREAM_TYPE) === true) {
        return await streams.open(request, reply, {
          after: request.headers['last-event-id'] ?? after ?? (await newestId(parts.events)),
          matches,
        });
      }
      const filter = { type: 'event', subject, types: type };
      const page = await parts.events.list({
        ...pageRequest({ limit, cursor }, filter, EVENT_ID),
        ...(subject === undefined ? {} : { subject }),
        ...(type === undefined ? {} : { types: type }),
      });
      return renderPage(reply, page, filter, (event) => event);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/event-types',
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'listEventTypes',
      summary: 'The types of event there are, with a JSON schema of the data of each',
      querystring: z.strictObject({}),
      response: {
        200: z.object({ items: z.array(eventTypeView) }),
        ...problemResponses,
      },
    },
    handler: async () => ({
      items: types.map((type) => ({ type, description: EVENT_TYPES[type], schema: { ...eventDataSchema(type) } })),
    }),
  });
}

/** Pinned before the stream opens: who sees it open misses nothing that happens from then on. */
async function newestId(events: EventStore): Promise<string> {
  const { items } = await events.list({ limit: 1 });
  return items[0]?.id ?? '0-0';
}

function createStreams(parts: RouteParts) {
  const { events, stopping } = parts;
  const mayStill = createRecheck(parts);
  let open = 0;
  return {
    /** Answers with a stream that lives until the client goes, stalls or may no more, or the server stops. */
    async open(
      request: FastifyRequest,
      reply: FastifyReply,
      following: Pick<Following, 'after' | 'matches'>,
    ): Promise<FastifyReply> {
      if (open >= MAX_STREAMS)
        throw new StowageError('streams-exhausted', `${MAX_STREAMS} event streams are open here`);
      open += 1;
      const gone = new AbortController();
      const recheck = setInterval(() => {
        void mayStill(request).then((may) => {
          if (!may) gone.abort();
        });
      }, RECHECK_MS);
      reply.raw.once('close', () => {
        open -= 1;
        clearInterval(recheck);
        gone.abort();
      });
      const signal = AbortSignal.any([gone.signal, stopping]);
      const frames = whileTaken(eventFrames({ events, signal, ...following }), () => reply.raw.destroy());
      return await reply
        .headers({ 'content-type': STREAM_TYPE, 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' })
        .send(Readable.from(frames));
    },
  };
}

/** Calls `giveUp` when nobody has asked for the next frame for `STALL_MS`: the client's buffers are full and stay so. */
async function* whileTaken(frames: AsyncIterable<string>, giveUp: () => void): AsyncGenerator<string, void> {
  for await (const frame of frames) {
    const timer = setTimeout(giveUp, STALL_MS);
    try {
      yield frame;
    } finally {
      clearTimeout(timer);
    }
  }
}
