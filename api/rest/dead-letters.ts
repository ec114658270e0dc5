import { z } from 'zod';
import { discardMembers } from '../../jobs/dead/discard.ts';
import { redriveMembers } from '../../jobs/dead/redrive.ts';
import { oneOfBoth, type Selected, selectionOf } from '../../jobs/dead/selection.ts';
import { jobView } from './job-view.ts';
import type { DeadGroup } from '../../core/ports/dead-letters.ts';
import { moment, pageOf, pageQuery, pageRequest, renderPage } from './pages.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';
import { submissionHeaders, submitJob } from './submission.ts';
import { waitQuery } from './wait.ts';

const tags = ['dead letters'];
const time = z.iso.datetime();

const groupView = z
  .object({
    fingerprint: z.string().describe('`error.fingerprint` of its jobs'),
    kind: z.string(),
    code: z.string(),
    step: z.string().optional().describe('At which they failed'),
    message: z.string().describe('Of the one that died last'),
    count: z.int(),
    firstSeenAt: time.describe('When one of them died first, since there was none; perhaps it is here no more'),
    lastSeenAt: time,
    oldestJob: z.string().describe('Of those that are here, the one that died first'),
    newestJob: z.string(),
  })
  .meta({ id: 'DeadGroup' });

const groupsQuery = z.strictObject({
  kind: z.string().min(1).max(100).optional(),
  code: z.string().min(1).max(100).optional().describe('Of the error'),
  since: moment.optional().describe('Groups that were last seen then or later'),
  until: moment.optional().describe('Groups that were first seen then or earlier'),
  ...pageQuery,
});

const dryRun = z.boolean().default(false).describe('Only count: nothing is submitted');
const redriveBody = oneOfBoth(z.strictObject({ ...redriveMembers, dryRun }));
const discardBody = oneOfBoth(z.strictObject({ ...discardMembers, dryRun }));

const countView = z
  .object({
    matched: z.int(),
    byKind: z.array(z.object({ kind: z.string(), count: z.int() })).describe('Most first'),
    cutoffAt: time.describe('Of those that died until then'),
  })
  .meta({ id: 'DeadCount' });

export function deadLetterRoutes(app: RestApp, parts: RouteParts): void {
  groupRoute(app, parts);
  if (parts.catalogue.find('dead.redrive') !== undefined)
    bulkRoute(app, parts, {
      verb: 'redrive',
      kind: 'dead.redrive',
      operationId: 'redriveDeadLetters',
      body: redriveBody,
    });
  if (parts.catalogue.find('dead.discard') !== undefined)
    bulkRoute(app, parts, {
      verb: 'discard',
      kind: 'dead.discard',
      operationId: 'discardDeadLetters',
      body: discardBody,
    });
}

type BulkBody = Selected & { readonly dryRun: boolean };

interface Bulk {
  readonly verb: 'redrive' | 'discard';
  readonly kind: string;
  readonly operationId: string;
  readonly body: z.ZodType<BulkBody>;
}

/** A dry run counts and submits nothing; otherwise it is a submission of the kind. */
function bulkRoute(app: RestApp, parts: RouteParts, { verb, kind, operationId, body }: Bulk): void {
  app.route({
    method: 'POST',
    url: `/v1/dead-letters/${verb}`,
    config: { access: 'operator' },
    schema: {
      tags,
      operationId,
      summary: `${parts.catalogue.find(kind)?.summary ?? ''} Submits \`${kind}\`, or counts`,
      querystring: z.strictObject(waitQuery),
      headers: submissionHeaders,
      body,
      response: { 200: z.union([countView, jobView]), 202: jobView, ...problemResponses },
    },
    handler: async (request, reply) => {
      const asked = request.body;
      if (asked.dryRun) {
        const cutoffAt = new Date(parts.clock.nowMs()).toISOString();
        const { matched, byKind } = await parts.deadLetters.count(selectionOf({ ...asked, cutoffAt }));
        return { matched, byKind: [...byKind], cutoffAt };
      }
      const { dryRun: _, ...payload } = asked;
      return await submitJob({ parts, request, reply, kind, payload, wait: request.query.wait });
    },
  });
}

function groupRoute(app: RestApp, { deadLetters }: RouteParts): void {
  app.route({
    method: 'GET',
    url: '/v1/dead-letters/groups',
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'listDeadGroups',
      summary: 'Dead letters by the reason for which they failed, those seen last first',
      querystring: groupsQuery,
      response: { 200: pageOf(groupView).extend({ total: z.int().describe('Of all pages') }), ...problemResponses },
    },
    handler: async (request, reply) => {
      const { limit, cursor, ...asked } = request.query;
      const filter = given(asked);
      const page = await deadLetters.groups(filter, pageRequest({ limit, cursor }, filter));
      return { ...renderPage(reply, page, filter, (group: DeadGroup) => ({ ...group })), total: page.total };
    },
  });
}

type Given<T> = { readonly [Name in keyof T]?: Exclude<T[Name], undefined> };

/** Without the members that are undefined. */
function given<T extends object>(members: T): Given<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Given<T>;
}
