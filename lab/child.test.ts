import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { createLogger } from '../platform/log.ts';
import { type ChildSpec, startChild } from './child.ts';
import { identify } from './process-identity.ts';

/** The first pause; each one is twice the one before. */
const BACKOFF_MS = 200;

const dir = mkdtempSync(join(tmpdir(), 'stowage-child-'));

afterAll(() => rmSync(dir, { recursive: true, force: true }));

function specOf(name: string, script: string, more: Partial<ChildSpec> = {}): ChildSpec {
  return {
    name,
    command: 'sh',
    args: ['-c', script],
    cwd: dir,
    env: process.env,
    logger: createLogger({ name: 'test', level: 'silent' }),
    pidFile: join(dir, `${name}.pid`),
    logFile: join(dir, `${name}.log`),
    ready: async () => undefined,
    isRestarted: false,
    ...more,
  };
}

describe('a supervised child', () => {
  test('that ignores SIGTERM is killed after its deadline, with the processes that it started', async () => {
    const script = "trap '' TERM; sleep 1000 & echo $! ; wait; sleep 1000";
    const grandchild = Promise.withResolvers<number>();
    const child = await startChild(
      specOf('stubborn', script, { stopDeadlineMs: 200, onLine: (line) => grandchild.resolve(Number(line)) }),
    );
    const pids = [child.pid ?? 0, await grandchild.promise];
    await child.stop();
    while (pids.some((pid) => identify(pid) !== undefined)) await delay(20);
    expect(child.pid).toBeUndefined();
  });

  test('that ends before it is ready fails the start, with what it last said', async () => {
    const never = (_pid: number, signal: AbortSignal) =>
      new Promise<void>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const starting = startChild(specOf('broken', 'echo no such luck >&2; exit 3', { ready: never }));
    await expect(starting).rejects.toThrow(/broken ended before it was ready \(exit code 3\)\nno such luck/);
  });

  test('that is not ready in time is stopped', async () => {
    const pids: number[] = [];
    const ready = (pid: number, signal: AbortSignal) => {
      pids.push(pid);
      return delay(60_000, undefined, { signal });
    };
    const starting = startChild(specOf('late', 'sleep 1000', { ready, readyDeadlineMs: 100 }));
    await expect(starting).rejects.toThrow('late was not ready after 100 ms');
    expect(pids.map(identify)).toEqual([undefined]);
  });

  test('that cannot be started says why', async () => {
    await expect(startChild(specOf('absent', '', { command: '/no/such/program' }))).rejects.toThrow('ENOENT');
  });

  test('that dies is started again, slower each time it fails at once', async () => {
    const starts: number[] = [];
    const ready = async () => {
      starts.push(performance.now());
    };
    const child = await startChild(specOf('mortal', 'exit 1', { ready, isRestarted: true }));
    while (starts.length < 4) await delay(20);
    await child.stop();
    const pauses = starts.slice(1).map((start, index) => start - (starts[index] ?? 0));
    // A busy machine makes a pause longer and never shorter.
    for (const [index, pause] of pauses.entries()) expect(pause).toBeGreaterThanOrEqual(BACKOFF_MS * 2 ** index - 5);
    const count = starts.length;
    await delay(50);
    expect(starts.length).toBe(count);
    expect(() => readFileSync(join(dir, 'mortal.pid'))).toThrow('ENOENT');
  });
});
