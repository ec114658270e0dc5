import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { encodeFrame, type Frame, FRAME_TYPES, FrameDecoder, isReliable, MAX_PAYLOAD_BYTES } from './frame.ts';
import { isProof, NONCE_BYTES, parseHello, proofOf } from './handshake.ts';
import { Journal } from './journal.ts';
import { LinkStream, type StreamLink } from './stream.ts';

// The gateway's end of the line to one guest. The guest's is guest/link; its README says how they agree.

const JOURNAL_BYTES = 1_024 * 1_024;
const MAX_STREAMS = 1_024;
const ACK_EVERY = 8;
const TICK_MS = 100;
const REPEAT_MS = 500;
/** No more than this lies in the line's own buffer, so that an acknowledgement is not behind a megabyte. */
const LINE_BYTES = 64 * 1_024;

/** What a guest did against the protocol: the link is of no use any more. */
export class GuestFault extends Error {
  override readonly name = 'GuestFault';
}

export interface LinkConfig {
  readonly container: string;
  readonly secret: string;
  readonly monotonicMs: () => number;
  /** Streams that the guest opens, in their order, and what they are for. */
  readonly onOpen?: (stream: LinkStream, about: unknown) => void;
  /** In their order; 0 is about the container. */
  readonly onMessage?: (stream: number, message: unknown) => void;
  /** Each time both ends believe each other. */
  readonly onWelcome?: () => void;
}

/** What is sent while nobody is there waits; a line that broke is replaced with another `run`. */
export class Link implements StreamLink {
  readonly #config: LinkConfig;
  readonly #journal = new Journal();
  readonly #streams = new Map<number, LinkStream>();
  readonly #halfOver = new Set<number>();
  #line: Duplex | undefined;
  #nonce: Buffer = Buffer.alloc(0);
  #boot: string | undefined;
  #isWelcome = false;
  #received = 0;
  #unacked = 0;
  #isNacked = false;
  #nextStream = 2;
  #lastAckedMs = 0;
  #lastSaidMs = 0;
  #room = Promise.withResolvers<void>();
  #fault: GuestFault | undefined;

  constructor(config: LinkConfig) {
    this.#config = config;
  }

  /** Uses the line until it ends. @throws GuestFault */
  async run(line: Duplex): Promise<void> {
    if (this.#fault !== undefined) throw this.#fault;
    this.#line?.destroy();
    this.#line = line;
    this.#isWelcome = false;
    this.#nonce = randomBytes(NONCE_BYTES);
    const decoder = new FrameDecoder();
    line.on('drain', () => this.#pump());
    const ticks = setInterval(() => this.#onTick(), TICK_MS);
    this.#challenge();
    line.on('data', (bytes: Buffer) => {
      for (const frame of decoder.feed(bytes)) if (this.#line === line) this.#take(frame);
    });
    line.on('error', () => undefined);
    try {
      await once(line, 'close');
    } finally {
      clearInterval(ticks);
      if (this.#line === line) {
        this.#line = undefined;
        this.#isWelcome = false;
      }
    }
    // Set while it was waited for.
    const fault = this.#fault as GuestFault | undefined;
    if (fault !== undefined) throw fault;
  }

  open(about: unknown): LinkStream {
    if (this.#streams.size >= MAX_STREAMS) throw new RangeError('too many streams');
    const stream = this.#add(this.#nextStream);
    this.#nextStream += 2;
    this.#send(FRAME_TYPES.open, stream.id, jsonOf(about));
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
    this.#send(FRAME_TYPES.end, id);
    this.#halfEnded(id);
    await this.#roomLeft();
  }

  #add(id: number): LinkStream {
    const stream = new LinkStream(id, this);
    this.#streams.set(id, stream);
    stream.on('error', () => undefined);
    return stream;
  }

  /** Both directions: it is forgotten. */
  #halfEnded(id: number): void {
    if (this.#halfOver.delete(id)) this.#streams.delete(id);
    else this.#halfOver.add(id);
  }

  async #roomLeft(): Promise<void> {
    while (this.#journal.bytes >= JOURNAL_BYTES && this.#fault === undefined) await this.#room.promise;
  }

  #send(type: number, stream: number, payload: Buffer = Buffer.alloc(0)): void {
    if (this.#fault !== undefined) throw this.#fault;
    if (this.#journal.isEmpty) this.#lastAckedMs = this.#config.monotonicMs();
    this.#journal.add({ type, stream, payload });
    this.#pump();
  }

  #write(frame: Partial<Frame> & Pick<Frame, 'type'>): void {
    this.#line?.write(encodeFrame({ ...frame, ack: this.#received }));
  }

  /** Writes what may go now. */
  #pump(): void {
    const line = this.#line;
    if (line === undefined || !this.#isWelcome) return;
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

  #challenge(): void {
    this.#lastSaidMs = this.#config.monotonicMs();
    this.#write({ type: FRAME_TYPES.challenge, payload: this.#nonce });
  }

  #onTick(): void {
    const now = this.#config.monotonicMs();
    this.#isNacked = false;
    if (!this.#isWelcome) {
      if (now - this.#lastSaidMs >= REPEAT_MS / 2) this.#challenge();
      return;
    }
    if (this.#unacked > 0) this.#acknowledge();
    // Whatever was not acknowledged for long was lost.
    if (!this.#journal.isEmpty && now - this.#lastAckedMs >= REPEAT_MS) {
      this.#lastAckedMs = now;
      this.#journal.rewind();
      this.#pump();
    }
  }

  #take(frame: Frame): void {
    try {
      if (frame.type === FRAME_TYPES.hello) this.#onHello(frame);
      else if (this.#isWelcome) this.#onFrame(frame);
    } catch (thrown) {
      if (!(thrown instanceof GuestFault)) throw thrown;
      this.#fail(thrown);
    }
  }

  #fail(fault: GuestFault): void {
    this.#fault = fault;
    for (const stream of this.#streams.values()) stream.destroy(fault);
    this.#streams.clear();
    this.#room.resolve();
    this.#line?.destroy();
  }

  #onHello({ payload }: Frame): void {
    if (this.#isWelcome) return;
    const { container, secret } = this.#config;
    const hello = parseHello(payload);
    if (hello === undefined || hello.container !== container) throw new GuestFault(`a guest that is not ${container}`);
    const said = { secret, nonce: this.#nonce, container, boot: hello.boot };
    if (!isProof(hello.proof, proofOf('guest', said)))
      throw new GuestFault(`a guest that does not know the secret of ${container}`);
    if (this.#boot === undefined) {
      // Another gateway may have talked to it: its place is ours.
      this.#boot = hello.boot;
      this.#received = hello.first - 1;
      this.#journal.startAfter(hello.received);
    } else if (this.#boot !== hello.boot) throw new GuestFault('the guest has started anew');
    if (hello.received + 1 < this.#journal.first || hello.received > this.#journal.last)
      throw new GuestFault(`it has received ${hello.received} of ${this.#journal.first} to ${this.#journal.last}`);
    const welcome = {
      received: this.#received,
      first: this.#journal.first,
      proof: proofOf('gateway', said),
    };
    this.#write({ type: FRAME_TYPES.welcome, payload: jsonOf(welcome) });
    this.#journal.acknowledge(hello.received);
    this.#journal.rewind();
    this.#isWelcome = true;
    this.#lastAckedMs = this.#config.monotonicMs();
    this.#config.onWelcome?.();
    this.#pump();
  }

  #onFrame(frame: Frame): void {
    if (this.#journal.acknowledge(frame.ack)) {
      this.#lastAckedMs = this.#config.monotonicMs();
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
    if (type === FRAME_TYPES.message) return this.#config.onMessage?.(id, parsed(payload));
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
      this.#halfEnded(id);
    }
  }

  #onOpen(id: number, payload: Buffer): void {
    if (id % 2 === 0 || this.#streams.has(id) || this.#streams.size >= MAX_STREAMS)
      throw new GuestFault(`it opened stream ${id}`);
    this.#config.onOpen?.(this.#add(id), parsed(payload));
  }
}

function jsonOf(value: unknown): Buffer {
  const text = Buffer.from(JSON.stringify(value));
  if (text.length > MAX_PAYLOAD_BYTES) throw new RangeError(`${text.length} bytes are too many for one message`);
  return text;
}

/** @throws GuestFault */
function parsed(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'));
  } catch {
    throw new GuestFault('a message that is not JSON');
  }
}
