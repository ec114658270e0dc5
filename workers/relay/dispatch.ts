import { SpanStatusCode } from '@opentelemetry/api';
import type { SigningEndpoint, WebhookOutbox } from '../../core/ports/webhooks.ts';
import { asStowageError } from '../../core/errors.ts';
import type { Delivery, DeliveryId } from '../../core/webhook-delivery.ts';
import type { WebhookId } from '../../core/webhook.ts';
import { createClientSpans } from '../../platform/client-span.ts';
import type { Logger } from '../../platform/log.ts';
import { type AttemptParts, attemptDelivery } from './attempt.ts';
import { Bell } from './bell.ts';

export interface DispatchParts extends AttemptParts {
  readonly outbox: WebhookOutbox;
  readonly logger: Logger;
}

/** Attempts that one endpoint has under way. Nothing else bounds them, so a slow one uses up nobody else's. */
const PER_ENDPOINT = 10;
/** What becomes due by time or by people's wishes is noticed so soon. */
const LOOK_MS = 500;

const measured = createClientSpans({
  name: 'stowage-webhooks',
  metric: { name: 'stowage.webhook.attempt.duration', description: 'Attempts to deliver an event to a webhook' },
  explain: (error) => ({ outcome: 'error', message: asStowageError(error).code }),
});

/** Sends what is due. What is under way is known to this process only: after a crash it is simply still due. */
export class Dispatcher {
  readonly #parts: DispatchParts;
  readonly #bell = new Bell();
  readonly #underWay = new Map<DeliveryId, { readonly webhook: WebhookId; readonly done: Promise<void> }>();

  /** What has ended since it was last asked what is due: the answer may not know of that yet. */
  readonly #ended = new Set<DeliveryId>();

  constructor(parts: DispatchParts) {
    this.#parts = parts;
  }

  /** Something may be due. */
  wake(): void {
    this.#bell.ring();
  }

  /** Until the signal fires; resolves when nothing is under way any more. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        await this.#startDue(signal);
        await this.#bell.wait(LOOK_MS, signal);
      }
    } finally {
      await Promise.all([...this.#underWay.values()].map(({ done }) => done));
    }
  }

  async #startDue(signal: AbortSignal): Promise<void> {
    const { outbox, clock } = this.#parts;
    this.#ended.clear();
    // Those under way are among the due ones.
    for (const { endpoint, deliveries } of await outbox.due(clock.nowMs(), 2 * PER_ENDPOINT)) {
      const startable = deliveries.filter(({ id }) => !this.#underWay.has(id) && !this.#ended.has(id));
      for (const delivery of startable.slice(0, PER_ENDPOINT - this.#countOf(endpoint.id))) {
        this.#start(endpoint, delivery, signal);
      }
    }
  }

  #countOf(webhook: WebhookId): number {
    return [...this.#underWay.values()].filter((each) => each.webhook === webhook).length;
  }

  #start(endpoint: SigningEndpoint, delivery: Delivery, signal: AbortSignal): void {
    const done = this.#deliver(endpoint, delivery, signal)
      .catch((thrown: unknown) => {
        // It is still due, and sent again: at least once.
        this.#parts.logger.warn({ err: asStowageError(thrown), delivery: delivery.id }, 'an attempt was not recorded');
      })
      .finally(() => {
        this.#underWay.delete(delivery.id);
        this.#ended.add(delivery.id);
        this.wake();
      });
    this.#underWay.set(delivery.id, { webhook: endpoint.id, done });
  }

  async #deliver(endpoint: SigningEndpoint, delivery: Delivery, signal: AbortSignal): Promise<void> {
    const { outbox, logger } = this.#parts;
    // Paths and queries of receivers' URLs may hold secrets: only the host is told.
    const about = { webhook: endpoint.id, delivery: delivery.id, type: delivery.event.type };
    const attributes = { 'server.address': new URL(endpoint.url).host, 'messaging.message.id': delivery.id };
    const settlement = await measured({ span: 'POST webhook', attributes, labels: {} }, async (span, succeed) => {
      const settled = await attemptDelivery(this.#parts, { endpoint, delivery }, signal);
      succeed(settled?.outcome.outcome ?? 'abandoned');
      if (settled?.attempt.error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
      return settled;
    });
    if (settlement === undefined) return;
    const { attempt, outcome } = settlement;
    const said = await outbox.settle(delivery, settlement);
    const facts = { ...about, status: attempt.status, durationMs: attempt.durationMs, reason: attempt.error };
    if (outcome.outcome === 'delivered') logger.debug(facts, 'delivered');
    else logger.info({ ...facts, outcome: outcome.outcome, failures: delivery.failures + 1 }, 'not delivered');
    if (typeof said === 'object') logger.warn({ webhook: endpoint.id, because: said.disabled }, 'webhook disabled');
  }
}
