// Docker's streams. With a terminal there is one output, as it is; without, each portion of one of the two has a head of 8 bytes.

const HEAD_BYTES = 8;
const STREAM_NUMBERS = { stdout: 1, stderr: 2 } as const;
export type OutputStream = keyof typeof STREAM_NUMBERS;

/** The portion with its head: `[1 or 2, 0, 0, 0, length as uint32 big-endian]`. */
export function frame(stream: OutputStream, bytes: Uint8Array): Buffer {
  const framed = Buffer.alloc(HEAD_BYTES + bytes.length);
  framed[0] = STREAM_NUMBERS[stream];
  framed.writeUInt32BE(bytes.length, 4);
  framed.set(bytes, HEAD_BYTES);
  return framed;
}

/** As the client wants it, who knows from `Config.Tty` which it is. */
export function framerOf(tty: boolean): (stream: OutputStream, bytes: Uint8Array) => Uint8Array {
  return tty ? (_stream, bytes) => bytes : frame;
}

/** Clients before 1.42 know one type for both. */
export function contentTypeOf(tty: boolean, minor: number): string {
  return `application/vnd.docker.${tty || minor < 42 ? 'raw' : 'multiplexed'}-stream`;
}
