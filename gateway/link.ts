import type { Duplex } from 'node:stream';
import { StowageError } from '../core/errors.ts';
import { encodeFrame, type Frame, FRAME_TYPES, isReliable } from './frame.ts';
import type { Greeted } from './greeting.ts';
import { proofOf } from './handshake.ts';
import { GuestFault, jsonOf, parsed, purposeOf } from './link-json.ts';
import { Journal } from './journal.ts';
import { LinkStream, type StreamLink } from './stream.ts';

// The gateway's end of the line to one guest. The guest's is guest/link; its README says how they agree.

const JOURNAL_BYTES = 1_024 * 1_024;
const MAX_STREAMS = 1_024;
const ACK_EVERY = 8;
const TICK_MS = 100;
const REPEAT_MS = 500;
/** So long nothing that was sent is answered, and nothing else heard. */
const SILENT_MS = 5_000;
/** No more than this lies in the line's own buffer, so that an acknowledgement is not behind a megabyte. */
const LINE_BYTES = 64 * 1_024;

export interface LinkConfig {
  /** Names this link to the guest: as long as it hears the same name, its streams go on. */
  readonly id: string;
  readonly monotonicMs: () => number;
  /** Streams that the guest opens, in their order, and what they are for. */
  readonly onOpen?: (stream: LinkStream, about: unknown) => void;
  /** In their order; 0 is about the container. */
  readonly onMessage?: (stream: number, message: unknown) => void;
  /** Output; what this returned from is acknowledged, and a throw is the end of the link. */
  readonly onRecord?: (payload: Buffer) => void;
  /** Each time both ends believe each other. */
  readonly onWelcome?: () => void;
}

/** closed: another line may come. silent: the line is there, and its guest does not answer; it is to be greeted anew. */
export type RunOutcome = 'closed' | 'silent';

/** What is sent while nobody is there waits; a line that broke is replaced with another `run`. */
export class Link implements StreamLink {
  readonly #config: LinkConfig;
  readonly #container: string;
  readonly #boot: string;
  readonly #journal = new Journal();
  readonly #streams = new Map<number, LinkStream>();
  readonly #endedHere = new Set<number>();
  readonly #endedThere = new Set<number>();
  #line: Duplex | undefined;
  #welcome: Buffer | undefined;
  #received: number;
  #unacked = 0;
  #isNacked = false;
  #nextStream = 2;
  /** When the journal got something to wait for. */
  #waitingSinceMs = 0;
  #lastSentMs = 0;
  #lastHeardMs = 0;
  #hasHeard = false;
  #room = Promise.withResolvers<void>();
  #fault: Error | undefined;

  /** Begins where the guest says that it is: another gateway may have talked to it. */
  constructor(config: LinkConfig, { container, boot, first, received }: Greeted) {
    this.#config = config;
    this.#container = container;
    this.#boot = boot;
    this.#received = first - 1;
    this.#journal.startAfter(received);
  }

  /** Whether the guest is where this link left it. If not, it talked to another meanwhile, or has started anew. */
  goesOnWith({ boot, gateway, first, received }: Greeted): boolean {
    const isKnown = boot === this.#boot && (gateway === undefined || gateway === this.#config.id);
    const isInOrder = received + 1 >= this.#journal.first && received <= this.#journal.last;
    return this.#fault === undefined && isKnown && isInOrder && first <= this.#received + 1;
  }

  /** Uses the line, which this end has just greeted, until it ends. @throws GuestFault, and what `onRecord` threw */
  async run(line: Duplex, greeted: Greeted): Promise<RunOutcome> {
    if (this.#fault !== undefined) throw this.#fault;
    this.#line?.destroy();
    this.#line = line;
    const outcome = Promise.withResolvers<RunOutcome>();
    const onData = (bytes: Buffer): void => {
      for (const frame of greeted.decoder.feed(bytes)) if (this.#line === line) this.#take(frame);
    };
    const onDrain = (): void => this.#pump();
    const onClose = (): void => outcome.resolve('closed');
    line.on('data', onData).on('drain', onDrain).on('close', onClose);
    if (line.destroyed) onClose();
    const ticks = setInterval(() => this.#onTick(() => outcome.resolve('silent')), TICK_MS);
    this.#begin(greeted);
    line.resume();
    try {
      const how = await outcome.promise;
      if (this.#fault !== undefined) throw this.#fault;
      return how;
    } finally {
      clearInterval(ticks);
      line.pause().off('data', onData).off('drain', onDrain).off('close', onClose);
      if (this.#line === line) {
        this.#line = undefined;
        this.#welcome = undefined;
      }
    }
  }

  /** Ends it and its streams. */
  fail(fault: Error): void {
    if (this.#fault !== undefined) return;
    this.#fault = fault;
    for (const stream of this.#streams.values()) {
      stream.forget();
      stream.destroy(fault);
    }
    this.#streams.clear();
    this.#room.resolve();
    this.#line?.destroy();
  }

  /** Since when the guest has not been heard, by the monotonic clock. */
  get lastHeardMs(): number {
    return this.#lastHeardMs;
  }

  open(about: unknown): LinkStream {
    if (this.#fault !== undefined) throw this.#fault;
    if (this.#streams.size >= MAX_STREAMS)
      throw new StowageError('guest-failed', `${MAX_STREAMS} streams are open to the guest already`);
    const { open, ahead } = purposeOf(about);
    const stream = this.#add(this.#nextStream);
    this.#nextStream += 2;
    this.#send(FRAME_TYPES.open, stream.id, open);
    if (ahead !== undefined) stream.write(ahead);
    return stream;
  }

  /** Resolves when there is room for more. */
  async say(stream: number, message: unknown): Promise<void> {
    this.#send(FRAME_TYPES.message, stream, jsonOf(message));
    await this.#roomLeft();
  }

  /** The guest has everything. */
  get isFlushed(): boolean {
    return this.#journal.isEmpty;
  }

  get streams(): number {
    return this.#streams.size;
  }

  async data(id: number, payload: Buffer): Promise<void> {
    this.#send(FRAME_TYPES.data, id, payload);
    await this.#roomLeft();
  }

  credit(id: number, bytes: number): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(bytes);
    if (this.#streams.has(id)) this.#send(FRAME_TYPES.credit, id, payload);
  }

  async end(id: number): Promise<void> {
    this.#endHere(id);
    await this.#roomLeft();
  }

  left(id: number): void {
    if (!this.#streams.has(id) || this.#fault !== undefined) return;
    if (!this.#endedHere.has(id)) this.#endHere(id);
    // A guest that does not know it sends on, to nobody.
    if (this.#streams.has(id)) this.#send(FRAME_TYPES.message, id, jsonOf({ type: 'left' }));
  }

  #endHere(id: number): void {
    this.#send(FRAME_TYPES.end, id);
    this.#endedHere.add(id);
    this.#forgetWhenOver(id);
  }

  #add(id: number): LinkStream {
    const stream = new LinkStream(id, this);
    this.#streams.set(id, stream);
    stream.on('error', () => undefined);
    return stream;
  }

  #forgetWhenOver(id: number): void {
    if (!this.#endedHere.has(id) || !this.#endedThere.has(id)) return;
    for (const each of [this.#streams, this.#endedHere, this.#endedThere]) each.delete(id);
  }

  async #roomLeft(): Promise<void> {
    while (this.#journal.bytes >= JOURNAL_BYTES && this.#fault === undefined) await this.#room.promise;
  }

  #send(type: number, stream: number, payload: Buffer = Buffer.alloc(0)): void {
    if (this.#fault !== undefined) throw this.#fault;
    if (this.#journal.isEmpty) this.#lastSentMs = this.#waitingSinceMs = this.#config.monotonicMs();
    this.#journal.add({ type, stream, payload });
    this.#pump();
  }

  #write(frame: Partial<Frame> & Pick<Frame, 'type'>): void {
    this.#line?.write(encodeFrame({ ...frame, ack: this.#received }));
  }

  /** Writes what may go now. */
  #pump(): void {
    const line = this.#line;
    if (line === undefined || this.#welcome === undefined) return;
    while (line.writableLength < LINE_BYTES) {
      const frame = this.#journal.next();
      if (frame === undefined) break;
      this.#write(frame);
      this.#unacked = 0;
    }
    if (this.#unacked >= ACK_EVERY) this.#acknowledge();
  }

  #acknowledge(): void {
    this.#unacked = 0;
    this.#write({ type: FRAME_TYPES.ack });
  }

  #onTick(giveUp: () => void): void {
    const now = this.#config.monotonicMs();
    this.#isNacked = false;
    if (this.#unacked > 0) this.#acknowledge();
    // A line that loses bytes may have lost this.
    if (!this.#hasHeard && this.#welcome !== undefined)
      this.#write({ type: FRAME_TYPES.welcome, payload: this.#welcome });
    if (this.#journal.isEmpty) return;
    if (now - Math.max(this.#lastHeardMs, this.#waitingSinceMs) >= SILENT_MS) return giveUp();
    // Whatever was not acknowledged for long was lost.
    if (now - this.#lastSentMs >= REPEAT_MS) {
      this.#lastSentMs = now;
      this.#journal.rewind();
      this.#pump();
    }
  }

  #take(frame: Frame): void {
    try {
      // What an answer to a repeated challenge says is known already.
      if (frame.type !== FRAME_TYPES.hello) this.#onFrame(frame);
    } catch (thrown) {
      this.fail(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  }

  #begin({ secret, nonce, received }: Greeted): void {
    const said = { secret, nonce, container: this.#container, boot: this.#boot };
    this.#welcome = jsonOf({
      received: this.#received,
      first: this.#journal.first,
      gateway: this.#config.id,
      proof: proofOf('gateway', said),
    });
    this.#write({ type: FRAME_TYPES.welcome, payload: this.#welcome });
    this.#journal.acknowledge(received);
    this.#journal.rewind();
    this.#hasHeard = false;
    this.#waitingSinceMs = this.#config.monotonicMs();
    this.#lastSentMs = this.#waitingSinceMs;
    this.#lastHeardMs = this.#waitingSinceMs;
    this.#config.onWelcome?.();
    this.#pump();
  }

  #onFrame(frame: Frame): void {
    this.#hasHeard = true;
    this.#lastHeardMs = this.#config.monotonicMs();
    if (this.#journal.acknowledge(frame.ack)) {
      this.#lastSentMs = this.#lastHeardMs;
      this.#room.resolve();
      this.#room = Promise.withResolvers<void>();
    }
    if (frame.type === FRAME_TYPES.nack) this.#journal.rewind();
    if (isReliable(frame) && this.#isNext(frame)) this.#deliver(frame);
    this.#pump();
  }

  /** What comes again is dropped; a gap is told of once until it is filled, or a tick has passed. */
  #isNext({ seq }: Frame): boolean {
    this.#unacked += 1;
    if (seq === this.#received + 1) {
      this.#received = seq;
      this.#isNacked = false;
      return true;
    }
    if (seq > this.#received + 1 && !this.#isNacked) {
      this.#isNacked = true;
      this.#write({ type: FRAME_TYPES.nack });
    }
    return false;
  }

  #deliver({ type, stream: id, payload }: Frame): void {
    if (type === FRAME_TYPES.message) {
      // A guest that says that it has ended waits for this.
      this.#unacked = ACK_EVERY;
      return this.#config.onMessage?.(id, parsed(payload));
    }
    if (type === FRAME_TYPES.record) return this.#config.onRecord?.(payload);
    if (type === FRAME_TYPES.open) return this.#onOpen(id, payload);
    const stream = this.#streams.get(id);
    // Ended here; what is under way is for nobody.
    if (stream === undefined) return;
    const isGood =
      type === FRAME_TYPES.data
        ? stream.arrived(payload)
        : type !== FRAME_TYPES.credit || (payload.length === 4 && stream.grant(payload.readUInt32BE(0)));
    if (!isGood) throw new GuestFault(`a frame of type ${type} on stream ${id} is more than was allowed`);
    if (type === FRAME_TYPES.end) {
      stream.ended();
      this.#endedThere.add(id);
      this.#forgetWhenOver(id);
    }
  }

  #onOpen(id: number, payload: Buffer): void {
    if (id % 2 === 0 || this.#streams.has(id) || this.#streams.size >= MAX_STREAMS)
      throw new GuestFault(`it opened stream ${id}`);
    this.#config.onOpen?.(this.#add(id), parsed(payload));
  }
}
