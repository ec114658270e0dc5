import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { createLogger } from './log.ts';
import { createShutdown } from './shutdown.ts';

const logger = createLogger({ name: 'test', level: 'silent' });

class Host extends EventEmitter {
  readonly ended = Promise.withResolvers<number>();
  exit(code: number): void {
    this.ended.resolve(code);
  }
}

describe('shutdown', () => {
  test('a signal closes what was opened, the last first, and then ends the process', async () => {
    const host = new Host();
    const closed: string[] = [];
    const closing = createShutdown(logger, host);
    closing.add('first', () => closed.push('first'));
    closing.add('second', async () => {
      await Promise.resolve();
      closed.push('second');
    });
    host.emit('SIGTERM');
    expect(closing.signal.aborted).toBe(true);
    expect(await host.ended.promise).toBe(0);
    expect(closed).toEqual(['second', 'first']);
  });

  test('what fails or takes too long does not keep the rest open, and the exit code tells', async () => {
    const host = new Host();
    const closed: string[] = [];
    const closing = createShutdown(logger, host);
    closing.add('last', () => closed.push('last'));
    closing.add('slow', () => new Promise(() => undefined), 10);
    closing.add('broken', () => {
      throw new Error('no');
    });
    host.emit('SIGINT');
    expect(await host.ended.promise).toBe(1);
    expect(closed).toEqual(['last']);
  });

  test('a second signal ends the process at once, unless it is an echo of the first (npm repeats those of the terminal)', async () => {
    const host = new Host();
    let monotonicMs = 0;
    const closing = createShutdown(logger, host, { nowMs: () => 0, monotonicMs: () => monotonicMs });
    const stuck = Promise.withResolvers<void>();
    closing.add('stuck', () => stuck.promise, 60_000);
    let exitCode: number | undefined;
    void host.ended.promise.then((code) => {
      exitCode = code;
    });
    host.emit('SIGINT');
    monotonicMs = 100;
    host.emit('SIGINT');
    await Promise.resolve();
    expect(exitCode).toBeUndefined();
    monotonicMs = 1000;
    host.emit('SIGINT');
    expect(await host.ended.promise).toBe(1);
    stuck.resolve();
  });

  test('an error that nobody caught ends the process with code 1', async () => {
    const host = new Host();
    createShutdown(logger, host);
    host.emit('unhandledRejection', new Error('oops'));
    expect(await host.ended.promise).toBe(1);
  });
});
