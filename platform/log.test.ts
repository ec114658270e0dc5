import { Writable } from 'node:stream';
import { trace } from '@opentelemetry/api';
import { describe, expect, test } from 'vitest';
import { createLogger, withLogContext } from './log.ts';
import { Secret } from './secret.ts';
import { startTelemetry } from './telemetry.ts';

function capture() {
  const lines: Record<string, unknown>[] = [];
  const destination = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  return { lines, logger: createLogger({ name: 'test', level: 'info', destination }) };
}

describe('the logger', () => {
  test('masks secrets by type and by name', () => {
    const { lines, logger } = capture();
    logger.info(
      { key: new Secret('sesame'), password: 'sesame', request: { headers: { authorization: 'sesame' } } },
      'hello',
    );
    expect(JSON.stringify(lines)).not.toContain('sesame');
    expect(lines[0]).toMatchObject({ name: 'test', level: 'info', msg: 'hello', password: '[secret]' });
  });

  test('masks secrets in lists, in errors and in what a child logger carries, and changes nothing that it is given', () => {
    const { lines, logger } = capture();
    const error = Object.assign(new Error('refused'), { password: 'sesame', details: { cookie: 'sesame' } });
    const given = { all: [{ token: 'sesame', name: 'a' }], deep: { request: { secret: 'sesame' } }, err: error };
    logger.child({ apiKey: 'sesame', request: { cookie: 'sesame' } }).warn(given, 'hello');
    expect(JSON.stringify(lines)).not.toContain('sesame');
    expect(lines[0]).toMatchObject({
      all: [{ token: '[secret]', name: 'a' }],
      apiKey: '[secret]',
      err: { type: 'Error', message: 'refused', password: '[secret]' },
    });
    expect(given.all[0]?.token).toBe('sesame');
    expect(error.details.cookie).toBe('sesame');
  });

  test('lines inside a context carry its job, nested contexts add to it', async () => {
    const { lines, logger } = capture();
    await withLogContext({ job: 'j1', kind: 'volume.create' }, async () => {
      await Promise.resolve();
      withLogContext({ step: 'make' }, () => logger.info('inside'));
      logger.info('between');
    });
    logger.info('outside');
    expect(lines.map(({ job, step }) => ({ job, step }))).toEqual([
      { job: 'j1', step: 'make' },
      { job: 'j1', step: undefined },
      { job: undefined, step: undefined },
    ]);
  });

  test('lines inside a span carry its ids', async () => {
    const { lines, logger } = capture();
    const telemetry = startTelemetry({ service: 'test', env: {} });
    trace.getTracer('test').startActiveSpan('work', (span) => {
      logger.info('inside');
      expect(lines[0]).toMatchObject({ trace_id: span.spanContext().traceId, span_id: span.spanContext().spanId });
      span.end();
    });
    await telemetry.shutdown();
  });
});
