import { pino } from 'pino';
import { newJobId } from '../../core/ids.ts';
import type { EventType } from '../../core/events.ts';
import type { Delivery, DeliveryState } from '../../core/webhook-delivery.ts';
import { createTargetGuard } from '../../core/webhook-target.ts';
import {
  newWebhookId,
  newWebhookSecret,
  type WebhookEndpoint,
  type WebhookId,
  type WebhookSettings,
} from '../../core/webhook.ts';
import { type Clock, randomBytes, systemClock } from '../../platform/clock.ts';
import type { Store } from '../../store/open.ts';
import { runRelay } from '../../workers/relay/run.ts';
import { createWebhookSender, type SenderParts } from '../../workers/relay/sender.ts';
import { openStoreBed, serverOnPath, type StoreBed } from './store-bed.ts';

/** The relay on a store of its own, with a clock that tests put forward; deliveries go to real servers. */
export interface WebhookBed {
  readonly bed: StoreBed;
  readonly store: Store;
  readonly clock: Clock & { advance(ms: number): void };
  /** Every line that the relay has logged. */
  readonly log: () => string;
  /** Starts the relay; resolves with the way to stop it as when the lead is lost. */
  relay(sender?: Partial<SenderParts>): () => Promise<void>;
  endpoint(url: string, more?: Partial<WebhookSettings>): Promise<{ readonly id: WebhookId; readonly secret: string }>;
  /** Appends events as an observer does. */
  emit(...subjects: readonly (string | readonly [EventType, string])[]): Promise<void>;
  /** Newest first. */
  deliveries(id: WebhookId): Promise<readonly Delivery[]>;
  countOf(id: WebhookId, state: DeliveryState): Promise<number>;
  read(id: WebhookId): Promise<WebhookEndpoint>;
  close(): Promise<void>;
}

export async function openWebhookBed(): Promise<WebhookBed> {
  const bed = await openStoreBed(serverOnPath('redis-server') ?? serverOnPath('valkey-server') ?? '');
  let aheadMs = 0;
  const clock = {
    nowMs: () => systemClock.nowMs() + aheadMs,
    monotonicMs: () => systemClock.monotonicMs(),
    advance: (ms: number) => void (aheadMs += ms),
  };
  const store = bed.open({ nowMs: () => clock.nowMs() });
  const lines: string[] = [];
  const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  const running = new Set<() => Promise<void>>();
  const deliveries: WebhookBed['deliveries'] = async (id) =>
    (await store.webhooks.deliveries(id, { limit: 1_000 })).items;
  return {
    bed,
    store,
    clock,
    log: () => lines.join(''),
    relay(more = {}) {
      const guard = createTargetGuard({ allowPrivate: '*', allowHttp: true });
      const sender = createWebhookSender({ guard, ...more });
      const ending = new AbortController();
      const done = runRelay({ outbox: store.outbox, sender, clock, logger, chance: () => 0.5 }, ending.signal);
      const stop = async (): Promise<void> => {
        running.delete(stop);
        ending.abort();
        await done;
        await sender.close();
      };
      running.add(stop);
      return stop;
    },
    async endpoint(url, more = {}) {
      const id = newWebhookId(newJobId(clock.nowMs(), randomBytes(10)));
      const secret = newWebhookSecret(randomBytes);
      const settings: WebhookSettings = { url, eventTypes: ['*'], description: '', format: 'standard', ...more };
      await store.webhooks.create(id, settings, { current: secret });
      return { id, secret };
    },
    async emit(...subjects) {
      for (const each of subjects) {
        const [type, subject] = typeof each === 'string' ? (['volume.created', each] as const) : each;
        await store.records.observe([], [{ type, subject, data: { of: subject } }]);
      }
    },
    deliveries,
    countOf: async (id, state) => (await deliveries(id)).filter((each) => each.state === state).length,
    async read(id) {
      const found = await store.webhooks.read(id);
      if (found === undefined) throw new Error(`there is no webhook ${id}`);
      return found;
    },
    async close() {
      await Promise.all([...running].map((stop) => stop()));
      await bed.close();
    },
  };
}
