import { Agent, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { asStowageError, isErrorCode, StowageError } from '../core/errors.ts';
import type { GuestState, OutputRecord } from '../core/guest.ts';
import type { ContainerId } from '../core/ids.ts';
import type { JsonObject } from '../core/job.ts';
import type { GuestPlace, GuestPlaces } from '../core/ports/guest-places.ts';
import type { GatewayFinding, Guests, LogQuery } from '../core/ports/guests.ts';
import type { Clock } from '../platform/clock.ts';
import { pause } from '../platform/pause.ts';
import type { Secret } from '../platform/secret.ts';
import { FaceClient, lost } from './face-client.ts';
import { GuestStream } from './guest-stream.ts';
import { OutputFollower } from './output-follower.ts';
import { readAnswer } from './pieces.ts';
import { faceTokenOf } from './secrets.ts';

const LOOK_AGAIN_MS = 50;
/** So long a guest may take to get to another gateway when its own is gone. */
const PATIENCE_MS = 10_000;

export interface GuestsConfig {
  readonly places: GuestPlaces;
  /** STOWAGE_GATEWAY_KEY. */
  readonly key: Secret;
  readonly clock: Clock;
  /** Default: 10,000. */
  readonly patienceMs?: number;
}

/** What is asked for of a log, when a gateway is found: undefined, when nothing more will come. */
type Ask = (place: GuestPlace | undefined, follower: OutputFollower) => Wanted | undefined;
interface Wanted {
  readonly query: Readonly<Record<string, string>>;
  /** Only the gateway that has the guest can give it. */
  readonly isLive: boolean;
}

/** The guests of this installation, through its gateways. */
export function createGuests(config: GuestsConfig): Guests & { close(): void } {
  return new GatewayGuests(config);
}

class GatewayGuests implements Guests {
  readonly #places: GuestPlaces;
  readonly #clock: Clock;
  readonly #patienceMs: number;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #face: FaceClient;

  constructor({ places, key, clock, patienceMs = PATIENCE_MS }: GuestsConfig) {
    this.#places = places;
    this.#clock = clock;
    this.#patienceMs = patienceMs;
    this.#face = new FaceClient({ token: faceTokenOf(key), agent: this.#agent });
  }

  close(): void {
    this.#agent.destroy();
  }

  async gateways(signal: AbortSignal): Promise<readonly GatewayFinding[]> {
    const urls = await this.#places.gateways();
    return await Promise.all(
      urls.map(async (url) => {
        try {
          const answer = await this.#face.ask({ url, method: 'GET', path: '/readyz', signal });
          answer.resume();
          return { url };
        } catch (error) {
          return { url, fault: asStowageError(error).facts };
        }
      }),
    );
  }

  async open(container: ContainerId, about: JsonObject, signal: AbortSignal): Promise<Duplex> {
    const socket = await this.#patiently(signal, async () => {
      const place = await this.#places.find(container);
      if (place === undefined || place.isOver) throw noGuest(container);
      return { do: () => this.#face.open(place.url, `/containers/${container}/streams`, about, signal) };
    });
    return new GuestStream(socket, signal);
  }

  async call(container: ContainerId, method: string, params: JsonObject, signal: AbortSignal): Promise<JsonObject> {
    const stream = await this.open(container, { for: 'call', method, params }, signal);
    try {
      stream.end();
      return await readAnswer(stream);
    } finally {
      stream.destroy();
    }
  }

  async state(
    container: ContainerId,
    wait: { readonly run: string; readonly ms: number } | undefined,
    signal: AbortSignal,
  ): Promise<GuestState | undefined> {
    const untilMs = this.#clock.monotonicMs() + (wait?.ms ?? 0);
    for (;;) {
      const state = stateOf(await this.#places.find(container));
      const isSo = wait === undefined || (state?.startedAt === wait.run && state.state !== 'booting');
      const leftMs = untilMs - this.#clock.monotonicMs();
      if (isSo || leftMs <= 0) return state;
      await pause(Math.min(LOOK_AGAIN_MS, leftMs), signal);
      signal.throwIfAborted();
    }
  }

  logs(container: ContainerId, { tail, sinceNs, untilNs, follow }: LogQuery, signal: AbortSignal) {
    const bounds = present({ since: sinceNs, until: untilNs });
    return this.#read(container, signal, (place, follower) => {
      const isLive = follow && place !== undefined && !place.isOver;
      const { boot, offset } = follower.place ?? {};
      // Where it was interrupted, or from where it was asked for.
      const from = follower.hasBegun ? present({ boot, offset }) : present({ tail });
      return { isLive, query: { ...bounds, ...from, ...(isLive ? { follow: '1' } : {}) } };
    });
  }

  attach(container: ContainerId, from: 'now' | 'all' | 'next', signal: AbortSignal): AsyncIterable<OutputRecord> {
    // At the call, and not when the first record is asked for: the caller starts the next run after it.
    const known = this.#places.find(container);
    known.catch(() => undefined);
    return this.#attach({ container, from, known, signal });
  }

  async forget(container: ContainerId, signal: AbortSignal): Promise<void> {
    const answer = await this.#anywhere(container, signal, (url) =>
      this.#face.ask({ url, method: 'DELETE', path: `/containers/${container}/output`, signal }),
    );
    answer.resume();
  }

  async *#attach(asked: {
    readonly container: ContainerId;
    readonly from: 'now' | 'all' | 'next';
    readonly known: Promise<GuestPlace | undefined>;
    readonly signal: AbortSignal;
  }): AsyncGenerator<OutputRecord, void> {
    const { container, from, signal } = asked;
    const known = await asked.known;
    const run = from === 'next' ? await this.#nextRun(container, known?.boot, signal) : known;
    if (run === undefined) throw noGuest(container);
    const { boot } = run;
    yield* this.#read(container, signal, (place, follower) => {
      const isLive = place?.boot === boot && !place.isOver;
      const offset = follower.place?.offset ?? (from === 'now' ? undefined : 0);
      if (offset === undefined && !isLive) return undefined;
      const live = isLive ? { follow: '1', hold: '1' } : {};
      return { isLive, query: { boot, offset: String(offset ?? 'now'), only: '1', ...live } };
    });
  }

  async #nextRun(container: ContainerId, boot: string | undefined, signal: AbortSignal): Promise<GuestPlace> {
    for (;;) {
      // A Redis that is away for a while is waited for, too.
      const place = await this.#places.find(container).catch(() => undefined);
      if (place !== undefined && place.boot !== boot) return place;
      await pause(LOOK_AGAIN_MS, signal);
      signal.throwIfAborted();
    }
  }

  /** Output through whichever gateways have it: where one goes away, another goes on. */
  async *#read(container: ContainerId, signal: AbortSignal, ask: Ask): AsyncGenerator<OutputRecord, void> {
    const follower = new OutputFollower();
    for (let failedMs: number | undefined; ; ) {
      const before = follower.place;
      try {
        const answer = await this.#output(container, signal, ask, follower);
        if (answer === undefined) return;
        for await (const record of follower.read(answer)) {
          signal.throwIfAborted();
          yield record;
        }
        return;
      } catch (thrown) {
        signal.throwIfAborted();
        const error = thrown instanceof StowageError ? thrown : lost(thrown);
        if (!isErrorCode(error, 'guest-unreachable', 'redis-unavailable')) throw error;
        const now = this.#clock.monotonicMs();
        failedMs = failedMs === undefined || follower.place !== before ? now : failedMs;
        if (now - failedMs > this.#patienceMs) throw error;
      }
      await pause(LOOK_AGAIN_MS, signal);
      signal.throwIfAborted();
    }
  }

  async #output(
    container: ContainerId,
    signal: AbortSignal,
    ask: Ask,
    follower: OutputFollower,
  ): Promise<IncomingMessage | undefined> {
    const place = await this.#places.find(container);
    const wanted = ask(place, follower);
    if (wanted === undefined) return undefined;
    const path = `/containers/${container}/output?${new URLSearchParams(wanted.query).toString()}`;
    const get = (url: string): Promise<IncomingMessage> => this.#face.ask({ url, method: 'GET', path, signal });
    return wanted.isLive && place !== undefined ? get(place.url) : this.#anywhere(container, signal, get);
  }

  /** By the gateway that has the guest, if there is one; else by any that answers. */
  async #anywhere<T>(container: ContainerId, signal: AbortSignal, use: (url: string) => Promise<T>): Promise<T> {
    const place = await this.#places.find(container);
    const urls = new Set([...(place === undefined ? [] : [place.url]), ...(await this.#places.gateways())]);
    let fault: unknown = new StowageError('guest-unreachable', 'no gateway is up');
    for (const url of urls) {
      try {
        return await use(url);
      } catch (error) {
        signal.throwIfAborted();
        if (!isErrorCode(error, 'guest-unreachable')) throw error;
        fault = error;
      }
    }
    throw fault;
  }

  /** Tries again as long as only the gateway is at fault. What `prepare` throws is final. */
  async #patiently<T>(signal: AbortSignal, prepare: () => Promise<{ readonly do: () => Promise<T> }>): Promise<T> {
    const untilMs = this.#clock.monotonicMs() + this.#patienceMs;
    for (;;) {
      const prepared = await prepare();
      try {
        return await prepared.do();
      } catch (error) {
        signal.throwIfAborted();
        if (!isErrorCode(error, 'guest-unreachable') || this.#clock.monotonicMs() > untilMs) throw error;
      }
      await pause(LOOK_AGAIN_MS, signal);
      signal.throwIfAborted();
    }
  }
}

/** A run of which nothing is heard any more stands nowhere, whatever it said last; unless that was its end. */
function stateOf(place: GuestPlace | undefined): GuestState | undefined {
  const state = place?.state;
  return place?.isOver === true && state?.state !== 'exited' && state?.state !== 'failed' ? undefined : state;
}

function noGuest(container: ContainerId): StowageError {
  return new StowageError('guest-unreachable', `no gateway has the guest of container ${container.slice(0, 12)}`);
}

function present(values: Readonly<Record<string, string | number | bigint | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
}
