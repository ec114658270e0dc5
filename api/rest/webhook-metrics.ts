import type { WebhookStore } from '../../core/ports/webhooks.ts';
import type { Family } from './metric-family.ts';

export async function webhookFamilies(webhooks: WebhookStore): Promise<readonly Family[]> {
  const { attempts, endpoints } = await webhooks.figures();
  const countOf = (state: string): number => endpoints.filter((each) => each.state === state).length;
  return [
    {
      name: 'stowage_webhook_attempts_total',
      type: 'counter',
      help: 'Attempts to deliver an event, by outcome',
      samples: attempts.map(({ outcome, count }) => ({ labels: { outcome }, value: count })),
    },
    {
      name: 'stowage_webhooks',
      type: 'gauge',
      help: 'Webhooks by state',
      samples: ['enabled', 'disabled'].map((state) => ({ labels: { state }, value: countOf(state) })),
    },
    {
      name: 'stowage_webhook_pending',
      type: 'gauge',
      help: 'Deliveries that are not over',
      samples: endpoints.map(({ id, pending }) => ({ labels: { webhook: id }, value: pending })),
    },
    {
      name: 'stowage_webhook_oldest_pending_age_seconds',
      type: 'gauge',
      help: 'How long the oldest delivery that is not over has waited, at enabled webhooks',
      samples: [
        {
          value:
            Math.max(
              0,
              ...endpoints.filter((each) => each.state === 'enabled').map((each) => each.oldestPendingAgeMs),
            ) / 1_000,
        },
      ],
    },
  ];
}
