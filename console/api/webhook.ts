import type { StowageEvent } from './event.ts';

export type WebhookFormat = 'standard' | 'cloudevents-binary';

/** `GET /v1/webhooks`. */
export interface Webhook {
  readonly id: string;
  /** Whoever may not change it sees its origin only. */
  readonly url: string;
  readonly eventTypes: readonly string[];
  readonly description: string;
  readonly format: WebhookFormat;
  readonly state: 'enabled' | 'disabled';
  readonly disabledReason?: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly failingSince?: string;
  readonly pausedUntil?: string;
  readonly previousSecretUntil?: string;
  /** Deliveries that are not over. */
  readonly pending: number;
}

/** What a new webhook, or a rotation, answers: the secret, this once. */
export interface NewWebhook extends Webhook {
  readonly secret: string;
}

export interface DeliveryAttempt {
  readonly at: string;
  readonly durationMs: number;
  /** Absent when no answer came. */
  readonly status?: number;
  readonly error?: string;
  readonly responseHeaders?: Readonly<Record<string, string>>;
  readonly responseBody?: string;
}

/** `GET /v1/webhooks/{id}/deliveries`. */
export interface Delivery {
  readonly id: string;
  readonly webhook: string;
  readonly event: StowageEvent;
  readonly state: string;
  readonly isTest: boolean;
  readonly createdAt: string;
  readonly endedAt?: string;
  readonly nextAttemptAt?: string;
  readonly attemptCount: number;
  readonly failures: number;
  /** The last ones, oldest first. */
  readonly attempts: readonly DeliveryAttempt[];
}

/** `GET /v1/event-types`. */
export interface EventType {
  readonly type: string;
  readonly description: string;
  readonly schema: Readonly<Record<string, unknown>>;
}
