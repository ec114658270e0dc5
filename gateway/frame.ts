import { crc32 } from 'node:zlib';

// Frames of the serial line between a guest and its gateway. Layout: guest/link/frame.go.

const VERSION = 1;
const HEADER_BYTES = 24;
export const MAX_PAYLOAD_BYTES = 16 * 1_024;

export const FRAME_TYPES = {
  challenge: 1,
  hello: 2,
  welcome: 3,
  ack: 4,
  nack: 5,
  open: 16,
  data: 17,
  credit: 18,
  end: 19,
  message: 20,
  /** Output of the container's process: guest/PROTOCOL.md. */
  record: 21,
} as const;

export interface Frame {
  readonly type: number;
  /** 0: the link's own. */
  readonly stream: number;
  /** 0: it is not repeated when it is lost. */
  readonly seq: number;
  readonly ack: number;
  readonly payload: Buffer;
}

const NOTHING = Buffer.alloc(0);

export function isReliable({ type }: Pick<Frame, 'type'>): boolean {
  return type >= FRAME_TYPES.open;
}

export function encodeFrame({
  type,
  stream = 0,
  seq = 0,
  ack = 0,
  payload = NOTHING,
}: Partial<Frame> & Pick<Frame, 'type'>): Buffer {
  if (payload.length > MAX_PAYLOAD_BYTES) throw new RangeError(`a payload of ${payload.length} bytes`);
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  bytes.write('SW', 0, 'latin1');
  bytes.writeUInt8(VERSION, 2);
  bytes.writeUInt8(type, 3);
  bytes.writeUInt32BE(stream, 4);
  bytes.writeUInt32BE(seq, 8);
  bytes.writeUInt32BE(ack, 12);
  bytes.writeUInt16BE(payload.length, 16);
  bytes.writeUInt16BE(crc32(bytes.subarray(0, 18)) & 0xffff, 18);
  bytes.writeUInt32BE(crc32(payload), 20);
  payload.copy(bytes, HEADER_BYTES);
  return bytes;
}

/** Finds frames in what comes over the line, and passes over what is none. It holds no more than one frame. */
export class FrameDecoder {
  #held: Buffer = NOTHING;
  /** Bytes that were no part of a frame. */
  skipped = 0;

  get heldBytes(): number {
    return this.#held.length;
  }

  feed(bytes: Buffer): readonly Frame[] {
    const all = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    const frames: Frame[] = [];
    let at = 0;
    for (;;) {
      const found = parse(all.subarray(at));
      if (found === undefined) break;
      if (found.frame === undefined) this.skipped += found.bytes;
      else frames.push(found.frame);
      at += found.bytes;
    }
    this.#held = Buffer.from(all.subarray(at));
    return frames;
  }
}

/** The frame at the beginning, or how many bytes begin none; undefined: more must come. */
function parse(bytes: Buffer): { readonly frame?: Frame; readonly bytes: number } | undefined {
  const start = beginsAt(bytes);
  if (start > 0) return { bytes: start };
  if (bytes.length < HEADER_BYTES) return undefined;
  const length = bytes.readUInt16BE(16);
  const isHeader = bytes.readUInt16BE(18) === (crc32(bytes.subarray(0, 18)) & 0xffff);
  if (!isHeader || bytes.readUInt8(2) !== VERSION || length > MAX_PAYLOAD_BYTES) return { bytes: 1 };
  if (bytes.length < HEADER_BYTES + length) return undefined;
  const payload = bytes.subarray(HEADER_BYTES, HEADER_BYTES + length);
  // Bytes of it are missing, and the next frame may have begun within.
  if (bytes.readUInt32BE(20) !== crc32(payload)) return { bytes: 1 };
  const frame = {
    type: bytes.readUInt8(3),
    stream: bytes.readUInt32BE(4),
    seq: bytes.readUInt32BE(8),
    ack: bytes.readUInt32BE(12),
    payload,
  };
  return { frame, bytes: HEADER_BYTES + length };
}

/** Where a frame may begin: the length, when it is nowhere. */
function beginsAt(bytes: Buffer): number {
  for (let at = bytes.indexOf(0x53); at >= 0; at = bytes.indexOf(0x53, at + 1)) {
    if (at + 1 === bytes.length || bytes[at + 1] === 0x57) return at;
  }
  return bytes.length;
}
