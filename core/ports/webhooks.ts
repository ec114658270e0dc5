import type { StowageEvent } from '../events.ts';
import type { Delivery, DeliveryAttempt, DeliveryId } from '../webhook-delivery.ts';
import type { DisabledReason, WebhookEndpoint, WebhookId, WebhookSecrets, WebhookSettings } from '../webhook.ts';
import type { Page, PageRequest } from './jobs.ts';

// What faces and the relay need of Redis for webhooks. Every method rejects with `redis-unavailable` when it does not answer in time.

/** One event on its way to one endpoint, not yet stored. */
export interface PlannedDelivery {
  readonly id: DeliveryId;
  readonly webhook: WebhookId;
  readonly event: StowageEvent;
}

export interface WebhookChange {
  readonly settings?: WebhookSettings;
  /** Enabling also forgets that it failed. What happened while it was disabled is not sent by itself: it can be replayed. */
  readonly state?: 'enabled' | 'disabled';
  readonly secrets?: WebhookSecrets;
}

/** Ids of events, both included; `after` itself is not. */
export interface ReplayRange {
  readonly after: string;
  readonly until: string;
}

export interface WebhookFigures {
  /** Attempts over all processes since Redis was set up. */
  readonly attempts: readonly { readonly outcome: string; readonly count: number }[];
  readonly endpoints: readonly {
    readonly id: WebhookId;
    readonly state: 'enabled' | 'disabled';
    readonly pending: number;
    /** Of the oldest delivery that is not over. */
    readonly oldestPendingAgeMs: number;
  }[];
}

/** The faces' side. */
export interface WebhookStore {
  /** It gets the events that are appended from now on. @throws `webhook-limit` */
  create(id: WebhookId, settings: WebhookSettings, secrets: WebhookSecrets): Promise<WebhookEndpoint>;
  list(): Promise<readonly WebhookEndpoint[]>;
  read(id: WebhookId): Promise<WebhookEndpoint | undefined>;
  secrets(id: WebhookId): Promise<WebhookSecrets | undefined>;
  /** @throws `webhook-not-found`, and `precondition-failed` when the revision is another than the expected one */
  change(id: WebhookId, change: WebhookChange, expectedRev?: number): Promise<WebhookEndpoint>;
  /** Its deliveries go, too. @throws as `change` */
  remove(id: WebhookId, expectedRev?: number): Promise<void>;
  /** One attempt of an event that is in no stream. @throws `webhook-not-found`, `webhook-disabled` */
  test(planned: PlannedDelivery): Promise<Delivery>;
  /** By the event's time, newest first. */
  deliveries(id: WebhookId, page: PageRequest): Promise<Page<Delivery>>;
  readDelivery(id: DeliveryId): Promise<Delivery | undefined>;
  /** From the beginning of the schedule, under the same id. @throws `delivery-not-found`, `webhook-disabled` */
  resend(id: DeliveryId): Promise<Delivery>;
  /** The relay sends again what the endpoint wants of the range, as far as the stream still has it. @throws `webhook-not-found`, `webhook-disabled`, `webhook-replaying` */
  replay(id: WebhookId, range: ReplayRange): Promise<void>;
  figures(): Promise<WebhookFigures>;
}

/** An endpoint with what signs its deliveries. */
export interface SigningEndpoint extends WebhookEndpoint {
  readonly secrets: WebhookSecrets;
  /** It gets the events after this one. */
  readonly after: string;
}

/** As the relay knows the endpoints: `rev` rises with every change of any of them. */
export interface WebhookSnapshot {
  readonly rev: string;
  readonly endpoints: readonly SigningEndpoint[];
  readonly replays: readonly { readonly webhook: WebhookId; readonly range: ReplayRange }[];
  /** The last event that was fanned out. */
  readonly cursor: string;
}

/** What a batch of events becomes: all of it, or nothing. */
export interface FanOut {
  /** Of the snapshot that the plan was made from. */
  readonly rev: string;
  /** Where the batch begins: nothing is stored when the cursor is elsewhere by now. */
  readonly after: string;
  /** The last event of the batch. */
  readonly until: string;
  readonly eventCount: number;
  readonly planned: readonly PlannedDelivery[];
  /** For a replay, whose cursor it is; what is not over yet is left as it is. */
  readonly replay?: { readonly webhook: WebhookId; readonly range: ReplayRange };
}

export type AttemptOutcome =
  | { readonly outcome: 'delivered' }
  /** `stepsAside`: later deliveries of its subject need not wait for it any more. */
  | { readonly outcome: 'retry'; readonly nextAttemptMs: number; readonly stepsAside: boolean }
  /** `disables`: the endpoint wants nothing any more. */
  | { readonly outcome: 'failed'; readonly disables: boolean };

export interface Settlement {
  readonly attempt: DeliveryAttempt;
  readonly outcome: AttemptOutcome;
  /** The endpoint asked for nothing before then. */
  readonly pauseUntilMs?: number;
}

/** The relay's side; one process at a time uses it, and two do no harm. */
export interface WebhookOutbox {
  snapshot(): Promise<WebhookSnapshot>;
  /** Batches of events after an id, oldest first, until the signal fires. */
  follow(after: string, signal: AbortSignal): AsyncIterable<readonly StowageEvent[]>;
  /** Of what the stream still has, oldest first. */
  eventsIn(range: ReplayRange, limit: number): Promise<readonly StowageEvent[]>;
  /**
   * Stores deliveries and moves the cursor, at once. `moved`: the cursor is not where the batch begins (another relay, or this call was sent
   * twice); `changed`: an endpoint is not any more what the plan was made from. Nothing was stored then.
   */
  fanOut(batch: FanOut): Promise<'done' | 'moved' | 'changed'>;
  /** Up to `limit` deliveries of each enabled endpoint that are due, those first that are due longest. Taking one changes nothing. */
  due(
    nowMs: number,
    limit: number,
  ): Promise<readonly { readonly endpoint: SigningEndpoint; readonly deliveries: readonly Delivery[] }[]>;
  /**
   * Records an attempt. `stale`: the delivery has got another attempt meanwhile, or is over or gone. `disabled`: the endpoint was disabled by
   * this one.
   */
  settle(delivery: Delivery, settlement: Settlement): Promise<'done' | 'stale' | { readonly disabled: DisabledReason }>;
  /** Deletes some of what removed endpoints left. Resolves with whether there is more. */
  purge(): Promise<boolean>;
}
