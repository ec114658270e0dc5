import { AsyncLocalStorage } from 'node:async_hooks';
import { isSpanContextValid, trace } from '@opentelemetry/api';
import { type DestinationStream, type Logger, type LoggerOptions, pino, stdSerializers } from 'pino';
import type { LogLevel } from './settings.ts';

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

const SECRET_KEYS = [
  'password',
  'token',
  'authorization',
  'Authorization',
  'apiKey',
  'secret',
  'cookie',
  'sessionKey',
  'thumbprintKey',
];

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
    redact: { paths: redactedPaths(), censor: '[secret]' },
    serializers: { err: stdSerializers.err, error: stdSerializers.err },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

function currentContext(): object {
  const span = trace.getActiveSpan()?.spanContext();
  const ids = span !== undefined && isSpanContextValid(span) ? { trace_id: span.traceId, span_id: span.spanId } : {};
  return { ...logContext.getStore(), ...ids };
}

function redactedPaths(): string[] {
  return SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);
}
