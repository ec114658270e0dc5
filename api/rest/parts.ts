import type { Queue } from 'bullmq';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DeadLetters } from '../../core/ports/dead-letters.ts';
import type { EventStore, Health, JobStore, KeyStore, RecordStore, Role } from '../../core/ports/jobs.ts';
import type { SessionStore, SignInAttempts } from '../../core/ports/sessions.ts';
import type { AuditLog } from '../../core/ports/audit.ts';
import type { Trails } from '../../core/ports/trail.ts';
import type { WebhookStore } from '../../core/ports/webhooks.ts';
import type { TargetGuard } from '../../core/webhook-target.ts';
import type { Catalogue } from '../../jobs/registry.ts';
import type { Submit } from '../../jobs/submit.ts';
import type { Clock, RandomBytes } from '../../platform/clock.ts';
import type { WebConfig } from '../../platform/config.ts';
import type { Logger } from '../../platform/log.ts';
import type { Secret } from '../../platform/secret.ts';
import type { OidcProvider } from '../web/oidc-provider.ts';
import type { Waits } from './wait.ts';

/** What the REST face is made of. It changes nothing by itself: it submits jobs, and does to jobs and keys what people ask. */
export interface RestParts {
  readonly catalogue: Catalogue;
  readonly submit: Submit;
  readonly jobs: JobStore;
  readonly deadLetters: DeadLetters;
  readonly records: RecordStore;
  readonly events: EventStore;
  readonly trails: Trails;
  readonly keys: KeyStore;
  readonly sessions: SessionStore;
  readonly attempts: SignInAttempts;
  readonly health: Health;
  readonly audit: AuditLog;
  readonly webhooks: WebhookStore;
  readonly webhookGuard: TargetGuard;
  /** BullMQ's own queues, for the page that shows them. */
  readonly rawQueues: () => readonly Queue[];
  readonly web: WebConfig;
  /** Absent: people sign in with keys. */
  readonly oidc?: OidcProvider;
  /** Where the console's files are, once it is built. */
  readonly consoleDir: string;
  readonly logger: Logger;
  /** This process's own metrics in Prometheus's text format. */
  readonly metricsText: () => Promise<string>;
  /** An admin's key that works even while Redis is empty. */
  readonly presetKey?: Secret;
  /** `/metrics` needs no key: for when only this machine can reach the address. */
  readonly isMetricsOpen: boolean;
  readonly version: string;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
}

/** What a file of routes is given: the parts, the wait for jobs, and the signal that the server is stopping. */
export interface RouteParts extends RestParts {
  readonly waits: Waits;
  readonly stopping: AbortSignal;
}

export type RestApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** Adds the routes of one noun. */
export type Routes = (app: RestApp, parts: RouteParts) => void;

/** Who may call a route. The role of a job's kind is checked on top, when it is submitted. */
export type Access = 'public' | Role;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Every route has one; the server does not start with a route that has not. */
    access?: Access;
    /** How a request that comes with a session and changes something shows that it is not a foreign page's; default: `header`. */
    forgery?: 'header' | 'origin';
    /** What of it is written to the audit log beside what changes something: `always`, or only what is `refused` by role. */
    audit?: 'always' | 'refused';
    /** JSON schema that the OpenAPI document shows for the body in place of the one that is checked; null: none. */
    documentedBody?: unknown;
  }
}
