import { describe, expect, test } from 'vitest';
import { bytesOf, mountOf, portOf } from './commands/containers.ts';
import { canonical } from './commands/images.ts';
import { sparkline } from './commands/overview.ts';
import { pairs } from './commands/volumes.ts';
import { readFrames } from './event-source.ts';
import { timeOf } from './input.ts';

const nowMs = Date.parse('2026-11-29T12:00:00Z');

describe('what is written on a command line', () => {
  test('times: absolute, a date, or how long ago', () => {
    expect(timeOf('2h', '--since', nowMs)).toBe('2026-11-29T10:00:00.000Z');
    expect(timeOf('90s', '--since', nowMs)).toBe('2026-11-29T11:58:30.000Z');
    expect(timeOf('2026-11-24', '--since', nowMs)).toBe('2026-11-24T00:00:00.000Z');
    expect(timeOf(undefined, '--since', nowMs)).toBeUndefined();
    expect(() => timeOf('yesterday', '--since', nowMs)).toThrow('--since wants a time, not yesterday');
  });

  test('mounts, ports and sizes as docker run has them', () => {
    expect(mountOf('data:/var/lib/data')).toEqual({ volume: 'data', destination: '/var/lib/data' });
    expect(mountOf('data:/srv:ro')).toEqual({ volume: 'data', destination: '/srv', access: 'read-only' });
    expect(mountOf('/scratch')).toEqual({ destination: '/scratch' });
    expect(() => mountOf('data')).toThrow('not data');
    expect(portOf('8080:80')).toEqual({ hostPort: 8080, containerPort: 80 });
    expect(portOf('127.0.0.1:53:53/udp')).toEqual({
      hostIp: '127.0.0.1',
      hostPort: 53,
      containerPort: 53,
      protocol: 'udp',
    });
    expect(portOf('80')).toEqual({ containerPort: 80 });
    expect(() => portOf('http')).toThrow('not http');
    expect([bytesOf('512MiB'), bytesOf('1.5g'), bytesOf('100')]).toEqual([536_870_912, 1_500_000_000, 100]);
    expect(() => bytesOf('much')).toThrow('not much');
  });

  test('names of images as the API writes them', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    expect(['busybox', 'team/app:1', 'localhost:5000/x', 'ghcr.io/a/b:c', `busybox@${digest}`].map(canonical)).toEqual([
      'docker.io/library/busybox:latest',
      'docker.io/team/app:1',
      'localhost:5000/x:latest',
      'ghcr.io/a/b:c',
      `docker.io/library/busybox@${digest}`,
    ]);
  });

  test('pairs', () => {
    expect(pairs(['a=b=c', 'd='], '--option')).toEqual({ a: 'b=c', d: '' });
    expect(pairs(['a'], '--label', '')).toEqual({ a: '' });
    expect(() => pairs(['a'], '--option')).toThrow('--option wants name=value, not a');
    expect(() => pairs(['=a'], '--label', '')).toThrow('not =a');
  });
});

test('a sparkline has a bar for each value, the highest for the most', () => {
  expect(sparkline([0, 1, 4, 8])).toBe(' ▁▄█');
  expect(sparkline([0, 0])).toBe('  ');
});

test('frames of a stream, however its bytes come', async () => {
  const text =
    'retry: 1000\n\nid: 1-0\nevent: a\ndata: {"x":\ndata: "ä"}\n\n: beat\nid: 2-0\n\nid: 3-0\ndata: 3\n\nid: 4-0\ndata: never ended';
  const bytes = Buffer.from(text);
  const chunks = Array.from(bytes, (byte) => Buffer.from([byte]));
  const frames: unknown[] = [];
  const stream = (async function* () {
    yield* chunks;
  })();
  for await (const frame of readFrames(stream)) frames.push(frame);
  expect(frames).toEqual([
    { id: '1-0', data: '{"x":\n"ä"}' },
    { id: '2-0', data: '' },
    { id: '3-0', data: '3' },
  ]);
});
