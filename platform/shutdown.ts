import type { Logger } from 'pino';
import { type Clock, systemClock } from './clock.ts';

/** What is needed of the process; tests pass an EventEmitter. */
export interface ShutdownHost {
  on(event: string, listener: (cause: unknown) => void): unknown;
  off(event: string, listener: (cause: unknown) => void): unknown;
  exit(code: number): unknown;
}

export interface Shutdown {
  /** Fires when closing begins. */
  readonly signal: AbortSignal;
  /** Adds what was just opened. It is closed before everything that was added earlier. */
  add(name: string, close: () => unknown, deadlineMs?: number): void;
  /** Closes everything, then ends the process. A second call waits for the first. */
  run(reason: string, exitCode?: number): Promise<void>;
}

interface Opened {
  readonly name: string;
  readonly close: () => unknown;
  readonly deadlineMs: number;
}

const DEFAULT_DEADLINE_MS = 10_000;
/** Ctrl-C under npm comes twice, once from the terminal and once from npm: that is one wish to end. */
const SAME_WISH_MS = 500;
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/**
 * The way a process ends: on SIGTERM, SIGINT, SIGHUP or an error that nobody caught, whatever was added is closed in reverse
 * order, each within its deadline. A second signal, unless it comes right after the first, ends the process at once.
 */
export function createShutdown(logger: Logger, host: ShutdownHost = process, clock: Clock = systemClock): Shutdown {
  const opened: Opened[] = [];
  const closing = new AbortController();
  let ending: Promise<void> | undefined;
  let beganAtMs = 0;

  async function closeAll(reason: string, exitCode: number): Promise<void> {
    logger.info({ reason }, 'closing');
    closing.abort(new Error(`closing: ${reason}`));
    let isClean = true;
    for (let next = opened.pop(); next !== undefined; next = opened.pop())
      isClean = (await closeOne(next, logger)) && isClean;
    logger.info('closed');
    host.exit(isClean ? exitCode : exitCode || 1);
  }

  function run(reason: string, exitCode = 0): Promise<void> {
    if (ending === undefined) {
      beganAtMs = clock.monotonicMs();
      ending = closeAll(reason, exitCode);
    }
    return ending;
  }

  for (const signal of SIGNALS) {
    host.on(signal, () => {
      if (ending === undefined) void run(signal);
      else if (clock.monotonicMs() - beganAtMs > SAME_WISH_MS) host.exit(1);
    });
  }
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    host.on(event, (cause) => {
      logger.fatal({ err: cause }, event);
      void run(event, 1);
    });
  }
  return {
    signal: closing.signal,
    run,
    add: (name, close, deadlineMs = DEFAULT_DEADLINE_MS) => opened.push({ name, close, deadlineMs }),
  };
}

/** @returns whether it closed without an error and in time */
async function closeOne({ name, close, deadlineMs }: Opened, logger: Logger): Promise<boolean> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`not closed after ${deadlineMs} ms`)), deadlineMs);
  try {
    await Promise.race([(async () => close())(), late]);
    return true;
  } catch (error) {
    logger.error({ err: error, name }, 'could not close');
    return false;
  } finally {
    clearTimeout(timer);
  }
}
