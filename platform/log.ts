import { AsyncLocalStorage } from 'node:async_hooks';
import { isSpanContextValid, trace } from '@opentelemetry/api';
import {
  type Bindings,
  type ChildLoggerOptions,
  type DestinationStream,
  type Logger,
  type LoggerOptions,
  pino,
  stdSerializers,
} from 'pino';
import type { LogLevel } from './settings.ts';
import { currentWitness } from './witness.ts';

export type { Logger } from 'pino';

/** What every line that is logged inside `withLogContext` carries. */
export interface LogContext {
  readonly job?: string;
  readonly kind?: string;
  readonly step?: string;
}

export interface LoggerSettings {
  /** The process: `api`, `workers`, `lab`. */
  readonly name: string;
  readonly level: LogLevel;
  /** Standard output when absent. */
  readonly destination?: DestinationStream;
}

const logContext = new AsyncLocalStorage<LogContext>();

const SECRET_KEYS: ReadonlySet<string> = new Set([
  'password',
  'token',
  'authorization',
  'Authorization',
  'apiKey',
  'secret',
  'cookie',
  'sessionKey',
  'thumbprintKey',
]);
const CENSOR = '[secret]';
/** So deep are secrets looked for. */
const DEPTH = 3;

/** Runs `fn`; the lines that it logs, and whatever it awaits logs, carry `context` too. Contexts nest. */
export function withLogContext<T>(context: LogContext, fn: () => T): T {
  return logContext.run({ ...logContext.getStore(), ...context }, fn);
}

/** A logger of JSON lines with the active span's ids and the job's; values under the names of secrets are masked. */
export function createLogger({ name, level, destination }: LoggerSettings): Logger {
  const options: LoggerOptions = {
    name,
    level,
    mixin: currentContext,
    serializers: { err: maskedError, error: maskedError },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    hooks: { streamWrite: tellWitness },
    formatters: { level: (label) => ({ level: label }), log: (line) => masked(line) },
  };
  return maskingChildren(destination === undefined ? pino(options) : pino(options, destination));
}

/** Of whose work it is; secrets are masked by now. */
function tellWitness(line: string): string {
  currentWitness()?.line(line);
  return line;
}

function currentContext(): object {
  const span = trace.getActiveSpan()?.spanContext();
  const ids = span !== undefined && isSpanContextValid(span) ? { trace_id: span.traceId, span_id: span.spanId } : {};
  return { ...logContext.getStore(), ...ids };
}

/** What a child carries goes past the formatter. Its own children inherit this. */
function maskingChildren(logger: Logger): Logger {
  const original: (this: Logger, bindings: Bindings, options?: ChildLoggerOptions) => unknown = logger.child;
  function child(this: Logger, bindings: Bindings, options?: ChildLoggerOptions): unknown {
    return original.call(this, masked(bindings), options);
  }
  return Object.assign<Logger, object>(logger, { child });
}

/** pino's own redaction copies all of every line, which costs more than the rest of logging; here only what has a secret is copied. */
function masked<T extends object>(value: T, depth = DEPTH): T {
  let copy: Record<string, unknown> | undefined;
  for (const [key, part] of Object.entries(value)) {
    const safe = SECRET_KEYS.has(key) ? CENSOR : isLookedInto(part, depth) ? masked(part, depth - 1) : part;
    if (safe !== part) (copy ??= copyOf(value))[key] = safe;
  }
  return (copy ?? value) as T;
}

/** Errors are what their serializer makes of them, and bytes have no names. */
function isLookedInto(part: unknown, depth: number): part is object {
  return (
    depth > 1 && typeof part === 'object' && part !== null && !(part instanceof Error) && !ArrayBuffer.isView(part)
  );
}

function copyOf(value: object): Record<string, unknown> {
  return (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>;
}

function maskedError(thrown: Error): object {
  return masked(stdSerializers.err(thrown), DEPTH - 1);
}
