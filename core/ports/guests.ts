import type { Duplex } from 'node:stream';
import type { ErrorFacts } from '../errors.ts';
import type { GuestState, OutputRecord } from '../guest.ts';
import type { ContainerId } from '../ids.ts';
import type { JsonObject } from '../job.ts';

export interface LogQuery {
  /** The last so many lines; absent: all that is kept. */
  readonly tail?: number;
  /** Inclusive, in nanoseconds since 1970. */
  readonly sinceNs?: bigint;
  readonly untilNs?: bigint;
  /** Goes on with what is written, until the run that is under way (or, where none is, the last one) is over. */
  readonly follow: boolean;
}

export interface GatewayFinding {
  /** Of its internal face. */
  readonly url: string;
  /** Absent: it answers, and is of use. */
  readonly fault?: ErrorFacts;
}

/**
 * The insides of running containers, through whichever gateway has their guests. Errors: `guest-unreachable` when no guest of the container
 * answers (it is off, it boots, its gateway is down); `guest-path-not-found`, `guest-refused`, `guest-failed` for what the guest answers.
 */
export interface Guests {
  /**
   * A stream of guest/PROTOCOL.md: what is written goes to the guest as it is, what is read are pieces, unparsed. Ending the writing side ends the input; destroying it
   * lets the guest's end go. It fails with an error when the gateway or the guest is lost.
   */
  open(container: ContainerId, about: JsonObject, signal: AbortSignal): Promise<Duplex>;
  /** A call of guest/PROTOCOL.md. Safe to repeat where the call is. */
  call(container: ContainerId, method: string, params: JsonObject, signal: AbortSignal): Promise<JsonObject>;
  /**
   * How the guest stands; undefined: no gateway has heard of it lately. A state of `exited` or `failed` is kept for some minutes.
   * @param wait.run waits until the guest of this run (`run.startedAt`) is past `booting`, or the time is over
   */
  state(
    container: ContainerId,
    wait: { readonly run: string; readonly ms: number } | undefined,
    signal: AbortSignal,
  ): Promise<GuestState | undefined>;
  /** What is kept of all runs, oldest first, also of a container that is off. */
  logs(container: ContainerId, query: LogQuery, signal: AbortSignal): AsyncIterable<OutputRecord>;
  /**
   * Output as it comes, until the run is over: `now`: of the run that is under way, from now on; `all`: of that run from its beginning; `next`: of the run after this moment, from its
   * beginning, and it waits for that without end. Nothing is lost: a reader that is slow holds the process up.
   */
  attach(container: ContainerId, from: 'now' | 'all' | 'next', signal: AbortSignal): AsyncIterable<OutputRecord>;
  /** Asks each gateway that was heard of lately whether it is of use now. Rejects only when that cannot be known. */
  gateways(signal: AbortSignal): Promise<readonly GatewayFinding[]>;
  /** Forgets the output that is kept. */
  forget(container: ContainerId, signal: AbortSignal): Promise<void>;
}
