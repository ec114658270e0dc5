import { z } from 'zod';
import { isErrorCode } from '../../core/errors.ts';
import { estateFamilies } from './estate-metrics.ts';
import { type Family, gauge, renderFamily } from './metric-family.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';
import { queueFamilies } from './queue-metrics.ts';
import { webhookFamilies } from './webhook-metrics.ts';

const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export function metricRoutes(app: RestApp, parts: RouteParts): void {
  app.route({
    method: 'GET',
    url: '/metrics',
    config: { access: parts.isMetricsOpen ? 'public' : 'viewer' },
    schema: {
      tags: ['process'],
      operationId: 'readMetrics',
      summary: 'Figures of the queue and of this process, for Prometheus',
      response: {
        200: { description: 'Prometheus text format', content: { 'text/plain': { schema: z.string() } } },
        ...problemResponses,
      },
    },
    handler: async (_request, reply) => {
      const families = await familiesOf(parts);
      const text = [...families.flatMap(renderFamily), await parts.metricsText()].join('\n');
      return await reply.header('content-type', PROMETHEUS_TYPE).send(text.endsWith('\n') ? text : `${text}\n`);
    },
  });
}

/** Without Redis the process still has figures of its own, and says that Redis is away. */
async function familiesOf({ jobs, records, webhooks }: RouteParts): Promise<readonly Family[]> {
  const up = (value: 0 | 1): Family => gauge('stowage_redis_up', 'Whether Redis answered this scrape', [{ value }]);
  try {
    const figures = await jobs.figures();
    const rest = [await estateFamilies(records), await webhookFamilies(webhooks)];
    return [up(1), ...queueFamilies(figures), ...rest.flat()];
  } catch (error) {
    if (isErrorCode(error, 'redis-unavailable')) return [up(0)];
    throw error;
  }
}
