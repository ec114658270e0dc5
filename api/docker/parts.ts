import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { CredentialOffers } from '../../core/ports/credentials.ts';
import type { Execs } from '../../core/ports/execs.ts';
import type { Guests } from '../../core/ports/guests.ts';
import type { EventStore, JobStore, RecordStore, Role } from '../../core/ports/jobs.ts';
import type { Registry } from '../../core/ports/registry.ts';
import type { Submit } from '../../jobs/submit.ts';
import type { Clock, RandomBytes } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import type { SubjectRoles } from '../../platform/registry-values.ts';
import type { Caller } from '../caller.ts';
import type { Answer } from './answer.ts';

/** Certificates in PEM: the server's own, and the authorities of its clients. */
export interface DockerTls {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** What the Docker face is made of. It reads records and submits jobs; nothing here talks to vSphere. */
export interface DockerParts {
  readonly submit: Submit;
  readonly jobs: Pick<JobStore, 'read' | 'waitUntilOver' | 'discard' | 'progress'>;
  readonly records: RecordStore;
  readonly events: EventStore;
  readonly registry: Pick<Registry, 'login' | 'search'>;
  readonly credentials: CredentialOffers;
  readonly execs: Execs;
  /** Absent: no gateway is configured, and what needs the inside of a container is refused. */
  readonly guests?: Guests;
  readonly logger: Logger;
  readonly version: string;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  /** What clients may do, by their certificates' subject CN. */
  readonly roles: SubjectRoles;
  /** Absent: plain HTTP, for loopback addresses only. */
  readonly tls?: DockerTls;
}

/** One request, parsed as far as all routes need it. */
export interface Call {
  /** Of the path, decoded, by their names in the route's pattern. */
  readonly names: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The API version's minor number: 50 for 1.50. */
  readonly minor: number;
  readonly caller: Caller;
  readonly traceparent: string;
  /** Fires when the client has gone or the server stops. */
  readonly signal: AbortSignal;
  /** Fires when the server stops; what goes on without the client ends then. */
  readonly stopping: AbortSignal;
  /** The body as JSON; undefined when it is empty. @throws `body-malformed`, `body-too-large`, `media-type-unsupported` */
  readonly readJson: () => Promise<unknown>;
  /** The body, unread; of no use to a request that upgrades. */
  readonly body: Readable;
}

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
export type Handler = (call: Call, parts: DockerParts) => Promise<Answer> | Answer;

/** One line of a route table. */
export interface Route {
  readonly method: Method;
  /** `{name}` stands for one part of the path, `{name:.*}` for one or more (names of images hold slashes). */
  readonly path: string;
  /** The minor number of the version that brought it; older clients do not find it. */
  readonly since?: number;
  /** The least role that may call it. The role of a job's kind is checked on top, when it is submitted. */
  readonly role: Role;
  readonly support: Support;
  /** Its answer may be a hijack: a client that asks for `Upgrade: tcp` gets the socket; or one that asks for a web socket. */
  readonly hijacks?: true | 'web-socket';
  readonly handler: Handler;
}

/** As docs/docker.md has it. partial: what is missing. refused: with which status. */
export type Support =
  | { readonly as: 'supported' }
  | { readonly as: 'partial'; readonly missing: string }
  | { readonly as: 'refused'; readonly status: number; readonly text: string };
