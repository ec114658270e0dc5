import type { GuestState } from '../core/guest.ts';
import type { ContainerId } from '../core/ids.ts';
import type { GuestPlace } from '../core/ports/guest-places.ts';
import type { Greeted } from './greeting.ts';
import { Link } from './link.ts';
import { GuestFault } from './link-json.ts';
import { OutputLog } from './output-log.ts';
import { parseRecord, parseState } from './records.ts';

/** So far the guest may be ahead of the slowest who reads. */
const AHEAD_BYTES = 1_024 * 1_024;
const GRANT_BYTES = AHEAD_BYTES / 4;

export interface GuestConfig {
  readonly container: ContainerId;
  /** Names the link. */
  readonly link: string;
  /** Of this gateway's face. */
  readonly url: string;
  readonly logDir: string;
  readonly maxLogBytes: number;
  readonly nowMs: () => number;
  readonly monotonicMs: () => number;
  /** Its place is another than before. */
  readonly onChange: () => void;
}

/**
 * One run of a container, seen from its gateway: the link to the guest, the log of its output, and how it says that it stands. It ends when the guest starts anew, talks to another
 * gateway, or does not come back.
 */
export class Guest {
  readonly container: ContainerId;
  readonly boot: string;
  readonly link: Link;
  readonly log: OutputLog;
  readonly #config: GuestConfig;
  #state: GuestState | undefined;
  #granted = 0;
  #ended: 'over' | 'lost' | undefined;

  /** @throws what the file system does to the log */
  constructor(config: GuestConfig, greeted: Greeted) {
    const { container, link, monotonicMs, logDir, maxLogBytes, nowMs } = config;
    this.#config = config;
    this.container = container;
    this.boot = greeted.boot;
    this.log = new OutputLog({ dir: logDir, container, maxBytes: maxLogBytes, nowMs }, greeted.boot);
    this.log.onPins = () => this.#grant(GRANT_BYTES);
    this.link = new Link(
      {
        id: link,
        monotonicMs,
        onRecord: (payload) => this.#onRecord(payload),
        onMessage: (stream, message) => this.#onMessage(stream, message),
        onWelcome: () => this.#grant(0),
      },
      greeted,
    );
  }

  get state(): GuestState | undefined {
    return this.#state;
  }

  /** The process is over, or nothing of it will be heard any more, by nobody. */
  get isOver(): boolean {
    return this.#ended === 'over' || this.#state?.state === 'exited' || this.#state?.state === 'failed';
  }

  /** What else comes of it comes to another gateway, or to another link of this one. */
  get isLost(): boolean {
    return this.#ended === 'lost' && !this.isOver;
  }

  get place(): GuestPlace {
    const { url, link } = this.#config;
    const state = this.#state === undefined ? {} : { state: this.#state };
    return { url, link, boot: this.boot, isOver: this.isOver, ...state };
  }

  end(how: 'over' | 'lost', reason: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = how;
    this.link.fail(reason);
    this.log.close();
  }

  /** Says something to a guest that has been silent, so that one that is not there any more is found out. */
  probe(): void {
    // What waits already is sent again by itself.
    if (this.link.isFlushed) this.#grant(0);
  }

  #onRecord(payload: Buffer): void {
    this.log.append(parseRecord(payload));
    this.#grant(GRANT_BYTES);
  }

  /** Lets the process write on, as far as those who read are; said when it is enough to be worth it. */
  #grant(least: number): void {
    const upTo = this.log.readOffset + AHEAD_BYTES;
    if (this.#ended !== undefined || upTo - this.#granted < least) return;
    // What was granted once stays so.
    this.#granted = Math.max(this.#granted, upTo);
    this.link.say(0, { type: 'output', upTo: this.#granted }).catch(() => undefined);
  }

  #onMessage(stream: number, message: unknown): void {
    if (stream !== 0) return;
    const state = parseState(message);
    if (state === undefined) return;
    if (this.isOver && state.state !== this.#state?.state) throw new GuestFault(`it is ${state.state} after its end`);
    this.#state = state;
    if (this.isOver) this.log.wake();
    this.#config.onChange();
  }
}
