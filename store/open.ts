import type { Queue } from 'bullmq';
import type { Logger } from 'pino';
import type { AuditLog } from '../core/ports/audit.ts';
import type { CredentialOffers, CredentialRequests } from '../core/ports/credentials.ts';
import type { DeadLetters } from '../core/ports/dead-letters.ts';
import type { EntrySource } from '../core/ports/entries.ts';
import type { Execs } from '../core/ports/execs.ts';
import type { GuestPlaces } from '../core/ports/guest-places.ts';
import type { Claims, EventStore, Health, JobStore, KeyStore, RecordStore } from '../core/ports/jobs.ts';
import type { LeaderLease, Upkeep } from '../core/ports/leader.ts';
import type { SessionStore, SignInAttempts } from '../core/ports/sessions.ts';
import type { Trails } from '../core/ports/trail.ts';
import type { QueueServer } from '../core/ports/queue-server.ts';
import type { WebhookOutbox, WebhookStore } from '../core/ports/webhooks.ts';
import type { RedisAddress } from '../platform/redis-url.ts';
import { createKeyStore } from './api-keys.ts';
import { createClaims } from './claims.ts';
import { createAuditLog } from './audit.ts';
import { createCredentialExchange } from './credentials.ts';
import { createDeadLetters } from './dead-letters.ts';
import { createEntrySource } from './consume.ts';
import { createEntries } from './entries.ts';
import { createEventStore } from './events.ts';
import { createExecStore } from './execs.ts';
import { createGuestPlaces } from './guest-places.ts';
import { createHealth } from './health.ts';
import { createJobStore } from './jobs.ts';
import { bullPrefix, keyPrefix } from './keys.ts';
import { createLeaderLease } from './leader.ts';
import { listenForOver } from './over.ts';
import { createRecordStore } from './records.ts';
import { createQueueServer } from './queue-server.ts';
import { connectRedis, type Patience, type RedisClient, raise } from './redis.ts';
import { loadScripts } from './scripts.ts';
import { createSessionStore } from './sessions.ts';
import { createSignInAttempts } from './sign-in-attempts.ts';
import { createTrails } from './trail.ts';
import { createUpkeep } from './upkeep.ts';
import { createWebhookOutbox } from './webhook-outbox.ts';
import { createWebhookStore } from './webhooks.ts';

export interface StoreOptions {
  readonly address: RedisAddress;
  /** The name before all keys, e.g. `stowage`. */
  readonly prefix: string;
  readonly patience: Patience;
  /** The queues; the first one carries canaries. */
  readonly lanes: readonly string[];
  /** Names this process to people, and as holder of the leader lease. */
  readonly process: string;
  readonly historyJobs: number;
  readonly leaseMs?: number;
  /** How often one who waits for a job's end looks by itself, whatever was said. Default: 2,000. */
  readonly lookAgainMs?: number;
  readonly logger: Logger;
  readonly nowMs: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
}

export interface Store {
  readonly jobs: JobStore;
  readonly deadLetters: DeadLetters;
  readonly claims: Claims;
  readonly records: RecordStore;
  readonly events: EventStore;
  readonly keys: KeyStore;
  readonly sessions: SessionStore;
  readonly attempts: SignInAttempts;
  readonly audit: AuditLog;
  readonly trails: Trails;
  readonly health: Health;
  readonly credentials: CredentialOffers & CredentialRequests;
  readonly execs: Execs;
  readonly entrySource: EntrySource;
  readonly leader: LeaderLease;
  readonly upkeep: Upkeep;
  readonly guestPlaces: GuestPlaces;
  readonly webhooks: WebhookStore;
  readonly outbox: WebhookOutbox;
  /** BullMQ's own queues, for experts. They are closed with the store. */
  rawQueues(): readonly Queue[];
  readonly queueServer: QueueServer;
  /** Redis must keep every key and every write: resolves with what is wrong with its settings, for people. */
  inspectSettings(): Promise<readonly string[]>;
  close(): Promise<void>;
}

const LEASE_MS = 4_000;
const LOOK_AGAIN_MS = 2_000;

/** Opens all that lies in Redis. Does not wait for Redis: calls reject with `redis-unavailable`, or wait (patience `worker`). */
export function openStore(options: StoreOptions): Store {
  const { address, logger, nowMs, randomBytes } = options;
  const opened: RedisClient[] = [];
  const open = (name: string, patience: Patience, pipelines = false): RedisClient => {
    const client = connectRedis(address, { patience, logger, name: `${options.process}-${name}`, pipelines });
    opened.push(client);
    return client;
  };
  const prefix = keyPrefix(options.prefix);
  const bull = bullPrefix(options.prefix);
  const client = open('commands', options.patience, true);
  const subscriber = open('subscriber', 'worker');
  const queueConnection = open('queue', options.patience);
  const scripts = loadScripts(client, prefix, options.patience);
  const entries = createEntries(queueConnection, bull);
  const over = listenForOver(subscriber, `${prefix}over`);
  const lane = options.lanes[0] ?? 'default';
  const openBlocking = (): RedisClient =>
    connectRedis(address, { patience: 'worker', logger, name: `${options.process}-events` });
  return {
    jobs: createJobStore({
      client,
      prefix,
      scripts,
      entries,
      over,
      lookAgainMs: options.lookAgainMs ?? LOOK_AGAIN_MS,
      lanes: options.lanes,
    }),
    deadLetters: createDeadLetters({ client, prefix, scripts }),
    claims: createClaims({ client, prefix, scripts, subscriber, nowMs }),
    records: createRecordStore(client, prefix, scripts),
    events: createEventStore(client, prefix, openBlocking),
    keys: createKeyStore({ client, prefix, nowMs, randomBytes }),
    sessions: createSessionStore({ client, prefix, nowMs, randomBytes }),
    attempts: createSignInAttempts(client, prefix, nowMs),
    audit: createAuditLog(client, prefix),
    trails: createTrails(client, prefix),
    health: createHealth({ client, prefix, entries, lane, randomBytes }),
    credentials: createCredentialExchange({ client, subscriber, channel: `${prefix}credentials`, randomBytes }),
    execs: createExecStore(client, prefix),
    entrySource: createEntrySource({ client, connection: queueConnection, prefix, bullPrefix: bull, logger }),
    leader: createLeaderLease({
      client,
      prefix,
      holder: options.process,
      leaseMs: options.leaseMs ?? LEASE_MS,
      logger,
    }),
    upkeep: createUpkeep({ client, prefix, scripts, historyJobs: options.historyJobs, logger }),
    guestPlaces: createGuestPlaces(client, prefix, nowMs),
    webhooks: createWebhookStore({ client, prefix, scripts, nowMs }),
    outbox: createWebhookOutbox({ client, prefix, scripts, nowMs, openBlocking }),
    rawQueues: () => options.lanes.map((each) => entries.queueOf(each)),
    queueServer: createQueueServer(client, nowMs),
    inspectSettings: () => inspectSettings(client),
    async close() {
      over.close();
      await entries.close().catch(() => undefined);
      for (const each of opened.toReversed()) each.disconnect();
    },
  };
}

async function inspectSettings(client: RedisClient): Promise<readonly string[]> {
  const info = await client.info('memory', 'persistence').catch(raise);
  const value = (name: string): string => new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim() ?? '';
  const faults: string[] = [];
  const policy = value('maxmemory_policy');
  if (policy !== '' && policy !== 'noeviction')
    faults.push(`maxmemory-policy is ${policy}: Redis would throw jobs away; set it to noeviction`);
  if (value('aof_enabled') === '0')
    faults.push('appendonly is off: accepted jobs are lost when Redis dies; set appendonly yes');
  return faults;
}
