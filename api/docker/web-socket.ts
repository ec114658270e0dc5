import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { Duplex } from 'node:stream';

// The server's end of a web socket, as a stream of bytes: RFC 6455. What the client's messages hold is the input, wherever they begin and end; the
// output goes in binary messages.

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const VERSION = '13';
const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const MAX_CONTROL_BYTES = 125;
const NORMAL = 1_000;
const PROTOCOL_ERROR = 1_002;

/** The client's key; undefined: it asks for no web socket that this is. */
export function webSocketKey(headers: IncomingHttpHeaders): string | undefined {
  const key = headers['sec-websocket-key'];
  const isAsked = /(?:^|,)\s*websocket\s*(?:,|$)/i.test(headers.upgrade ?? '');
  const isKey = key !== undefined && Buffer.from(key, 'base64').length === 16;
  return isAsked && isKey && headers['sec-websocket-version'] === VERSION ? key : undefined;
}

/** The head of the answer that begins it. */
export function webSocketHead(key: string): string {
  const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

interface Head {
  readonly opcode: number;
  readonly mask: Buffer;
  readonly payloadBytes: number;
  readonly headBytes: number;
}

/** `short`: more must come. `bad`: no client says that. */
function headOf(bytes: Buffer): Head | 'short' | 'bad' {
  if (bytes.length < 2) return 'short';
  const [first = 0, second = 0] = bytes;
  const opcode = first & 0x0f;
  const isControl = opcode >= OPCODES.close;
  const short = second & 0x7f;
  // Extensions were not agreed on; a client masks; control frames are whole and short.
  if ((first & 0x70) !== 0 || (second & 0x80) === 0) return 'bad';
  if (isControl && (short > MAX_CONTROL_BYTES || (first & 0x80) === 0)) return 'bad';
  if (!Object.values<number>(OPCODES).includes(opcode)) return 'bad';
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const headBytes = 2 + lengthBytes + 4;
  if (bytes.length < headBytes) return 'short';
  const long = lengthBytes === 8 ? bytes.readBigUInt64BE(2) : undefined;
  if (long !== undefined && long > BigInt(Number.MAX_SAFE_INTEGER)) return 'bad';
  const payloadBytes = lengthBytes === 0 ? short : lengthBytes === 2 ? bytes.readUInt16BE(2) : Number(long);
  return { opcode, mask: bytes.subarray(headBytes - 4, headBytes), payloadBytes, headBytes };
}

function frame(opcode: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length <= MAX_CONTROL_BYTES ? 2 : length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  head[1] = length <= MAX_CONTROL_BYTES ? length : length < 65_536 ? 126 : 127;
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

/** Ending it says goodbye; the connection itself is for its owner to close. */
export class WebSocketLine extends Duplex {
  readonly #socket: Duplex;
  #held: Buffer = Buffer.alloc(0);
  /** The frame whose payload is coming, and how much of it has come. */
  #frame: Head | undefined;
  #seen = 0;
  #control: Buffer[] = [];
  #isLeaving = false;

  constructor(socket: Duplex) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('end', () => this.#endInput());
    socket.on('close', () => this.destroy());
    this.on('error', () => undefined);
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.#isLeaving) done();
    else if (this.#socket.write(frame(OPCODES.binary, chunk))) done();
    else this.#socket.once('drain', () => done());
  }

  override _final(done: () => void): void {
    this.#leave(NORMAL);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // What says goodbye is still on its way.
    if (!this.#isLeaving) this.#socket.destroy();
    done(error);
  }

  #take(bytes: Buffer): void {
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    for (;;) {
      if (this.#frame === undefined) {
        const head = headOf(this.#held);
        if (head === 'bad') return this.#refuse();
        if (head === 'short') return;
        this.#held = this.#held.subarray(head.headBytes);
        this.#frame = head;
        this.#seen = 0;
      }
      const { payloadBytes } = this.#frame;
      const part = this.#held.subarray(0, payloadBytes - this.#seen);
      this.#held = this.#held.subarray(part.length);
      this.#takePayload(this.#frame, part);
      this.#seen += part.length;
      if (this.#seen < payloadBytes) return;
      this.#onWhole(this.#frame);
      this.#frame = undefined;
    }
  }

  #takePayload({ opcode, mask }: Head, part: Buffer): void {
    const plain = Buffer.from(part.map((byte, at) => byte ^ (mask[(this.#seen + at) % 4] ?? 0)));
    if (opcode >= OPCODES.close) this.#control.push(plain);
    else if (plain.length > 0 && !this.readableEnded && !this.push(plain)) this.#socket.pause();
  }

  #onWhole({ opcode }: Head): void {
    if (opcode < OPCODES.close) return;
    const payload = Buffer.concat(this.#control);
    this.#control = [];
    if (opcode === OPCODES.ping && !this.#isLeaving) this.#socket.write(frame(OPCODES.pong, payload));
    if (opcode !== OPCODES.close) return;
    this.#leave(payload.length >= 2 ? payload.readUInt16BE(0) : NORMAL);
    this.#endInput();
    // Nobody reads what else is written; so does whoever attends to it see that the client has gone.
    this.destroy();
  }

  #refuse(): void {
    this.#held = Buffer.alloc(0);
    this.#leave(PROTOCOL_ERROR);
    this.destroy();
  }

  #endInput(): void {
    if (!this.readableEnded && !this.destroyed) this.push(null);
  }

  #leave(code: number): void {
    if (this.#isLeaving || this.#socket.destroyed) return;
    this.#isLeaving = true;
    const reason = Buffer.alloc(2);
    reason.writeUInt16BE(code);
    this.#socket.end(frame(OPCODES.close, reason));
  }
}
