import { Readable } from 'node:stream';

/** What a command reads from and writes to. */
export interface Io {
  readonly stdin: Readable;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Standard output and standard error are a terminal. */
  readonly isOutTerminal: boolean;
  readonly isErrTerminal: boolean;
  readonly isInTerminal: boolean;
  /** Columns of standard output, and of standard error; of no matter where it is no terminal. */
  readonly outColumns: () => number;
  readonly errColumns: () => number;
  readonly writeOut: (text: string) => void;
  readonly writeErr: (text: string) => void;
  readonly nowMs: () => number;
  /** Fires at Ctrl-C. */
  readonly interrupted: AbortSignal;
}

export function processIo(): Io {
  const interrupted = new AbortController();
  // The second Ctrl-C ends it where it stands.
  process.once('SIGINT', () => interrupted.abort());
  process.once('SIGTERM', () => interrupted.abort());
  const columnsOf = (stream: NodeJS.WriteStream): number => stream.columns || Number(process.env['COLUMNS']) || 100;
  // A reader that has seen enough (`| head`) is no fault.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  return {
    stdin: process.stdin,
    env: process.env,
    isOutTerminal: process.stdout.isTTY,
    isErrTerminal: process.stderr.isTTY,
    isInTerminal: process.stdin.isTTY,
    outColumns: () => columnsOf(process.stdout),
    errColumns: () => columnsOf(process.stderr),
    writeOut: (text) => void process.stdout.write(text),
    writeErr: (text) => void process.stderr.write(text),
    nowMs: () => Date.now(),
    interrupted: interrupted.signal,
  };
}

/** For what only describes commands: nobody reads, nobody writes. */
export function silentIo(): Io {
  return {
    stdin: Readable.from([]),
    env: {},
    isOutTerminal: false,
    isErrTerminal: false,
    isInTerminal: false,
    outColumns: () => 100,
    errColumns: () => 100,
    writeOut: () => undefined,
    writeErr: () => undefined,
    nowMs: () => 0,
    interrupted: new AbortController().signal,
  };
}
