import { crc32 } from 'node:zlib';

/*
 * An entry of an output log, as it lies on disk and as it travels to those who read; numbers are big-endian:
 *
 *   0  4  length of the payload
 *   4  1  kind: 0 boot, 1 standard output or a terminal, 2 standard error
 *   5  3  zeros
 *   8  8  time, nanoseconds since 1970
 *   16 8  offset: how many bytes of output came before since this boot
 *   24 …  payload: what was written; of kind 0: JSON, {"boot":"…"}: whose output follows
 *      4  CRC-32 of everything before
 *      4  length of the whole entry, by which a log is read backwards
 */
const HEAD_BYTES = 24;
const FOOT_BYTES = 8;
/** Of a payload: more than a frame of the link holds. */
const MAX_ENTRY_PAYLOAD_BYTES = 64 * 1_024;
export const MAX_ENTRY_BYTES = HEAD_BYTES + MAX_ENTRY_PAYLOAD_BYTES + FOOT_BYTES;

export const ENTRY_KINDS = { boot: 0, stdout: 1, stderr: 2 } as const;

export interface Entry {
  readonly kind: number;
  readonly timeNs: bigint;
  readonly offset: number;
  readonly payload: Buffer;
}

export function sizeOf({ payload }: Pick<Entry, 'payload'>): number {
  return HEAD_BYTES + payload.length + FOOT_BYTES;
}

/** Head, payload as it was given, and foot. */
export function entryParts({ kind, timeNs, offset, payload }: Entry): readonly [Buffer, Buffer, Buffer] {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(payload.length, 0);
  head.writeUInt32BE(kind << 24, 4);
  head.writeBigUInt64BE(timeNs, 8);
  head.writeBigUInt64BE(BigInt(offset), 16);
  const foot = Buffer.alloc(FOOT_BYTES);
  foot.writeUInt32BE(crc32(payload, crc32(head)), 0);
  foot.writeUInt32BE(HEAD_BYTES + payload.length + FOOT_BYTES, 4);
  return [head, payload, foot];
}

export function encodeEntry(entry: Entry): Buffer {
  return Buffer.concat(entryParts(entry));
}

/** The entry that begins there. short: more bytes must come; bad: none begins there. Its payload is a part of `bytes`. */
export function entryAt(bytes: Buffer, at: number): Entry | 'short' | 'bad' {
  if (bytes.length - at < HEAD_BYTES) return 'short';
  const length = bytes.readUInt32BE(at);
  if (length > MAX_ENTRY_PAYLOAD_BYTES) return 'bad';
  const end = at + HEAD_BYTES + length;
  if (bytes.length < end + FOOT_BYTES) return 'short';
  if (bytes.readUInt32BE(end + 4) !== end + FOOT_BYTES - at) return 'bad';
  if (bytes.readUInt32BE(end) !== crc32(bytes.subarray(at, end))) return 'bad';
  return {
    kind: bytes.readUInt8(at + 4),
    timeNs: bytes.readBigUInt64BE(at + 8),
    offset: Number(bytes.readBigUInt64BE(at + 16)),
    payload: bytes.subarray(at + HEAD_BYTES, end),
  };
}

/** The entry that ends there: read backwards. */
export function entryBefore(bytes: Buffer, end: number): Entry | 'short' | 'bad' {
  if (end < HEAD_BYTES + FOOT_BYTES) return 'short';
  const size = bytes.readUInt32BE(end - 4);
  if (size > MAX_ENTRY_BYTES || size < HEAD_BYTES + FOOT_BYTES) return 'bad';
  return size > end ? 'short' : entryAt(bytes.subarray(0, end), end - size);
}

export function bootEntry(boot: string, timeNs: bigint, offset: number): Entry {
  return { kind: ENTRY_KINDS.boot, timeNs, offset, payload: Buffer.from(JSON.stringify({ boot })) };
}

/** Of an entry of kind 0. */
export function bootOf({ payload }: Entry): string {
  const said: unknown = JSON.parse(payload.toString('utf8'));
  return typeof said === 'object' && said !== null && 'boot' in said ? String(said.boot) : '';
}

/** Entries that come in pieces, as a reader at the other end of a connection gets them. */
export class EntryDecoder {
  #held: Buffer = Buffer.alloc(0);

  /** @throws RangeError for what is no entry */
  feed(bytes: Buffer): readonly Entry[] {
    const all = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    const entries: Entry[] = [];
    let at = 0;
    for (;;) {
      const entry = entryAt(all, at);
      if (entry === 'bad') throw new RangeError(`no entry of an output log begins at ${at}`);
      if (entry === 'short') break;
      entries.push(entry);
      at += sizeOf(entry);
    }
    this.#held = all.subarray(at);
    return entries;
  }
}
