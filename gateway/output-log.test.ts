import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ContainerId, parseContainerId } from '../core/ids.ts';
import { type Entry, ENTRY_KINDS, EntryDecoder } from './log-entry.ts';
import { type LogPlace, segmentFile, segmentsOf } from './log-segments.ts';
import { OutputLog } from './output-log.ts';
import type { OutputQuery } from './output-query.ts';
import { type LiveOutput, readOutput } from './output-stream.ts';
import { linesOf } from './rig.ts';

const container = parseContainerId('ab'.repeat(32)) as ContainerId;
const never = new AbortController().signal;
let place: LogPlace;

beforeEach(() => {
  place = { dir: mkdtempSync(join(tmpdir(), 'stowage-log-')), container };
});
afterEach(() => rmSync(place.dir, { recursive: true, force: true }));

const open = (boot = 'b1', maxBytes = 64_000_000): OutputLog =>
  new OutputLog({ ...place, maxBytes, nowMs: () => 1_000 }, boot);

function record(text: string | Buffer, offset: number, more: Partial<Entry> = {}): Entry {
  return { kind: ENTRY_KINDS.stdout, timeNs: BigInt(offset), offset, payload: Buffer.from(text), ...more };
}

/** Writes the lines of a probe, in records of so many bytes. */
function write(log: OutputLog, bytes: number, recordBytes = 1_000): void {
  for (let at = log.offset; at < bytes; at += recordBytes)
    log.append(record(linesOf(Math.min(recordBytes, bytes - at), at), at));
}

async function read(query: OutputQuery = {}, live?: LiveOutput): Promise<readonly Entry[]> {
  const decoder = new EntryDecoder();
  const entries: Entry[] = [];
  const output = readOutput({ place, query, signal: never, ...(live === undefined ? {} : { live }) });
  for await (const piece of output) entries.push(...decoder.feed(piece));
  return entries.filter(({ kind }) => kind !== ENTRY_KINDS.boot);
}

async function textOf(query: OutputQuery = {}): Promise<string> {
  return Buffer.concat((await read(query)).map(({ payload }) => payload)).toString();
}

test('what was cut at any byte is cut off, and goes on from the entry before', async () => {
  const log = open();
  for (const [at, text] of ['one\n', 'two\n', 'six\n'].entries()) log.append(record(text, at * 4));
  log.close();
  const file = segmentFile(place, 1);
  const whole = readFileSync(file);
  for (let size = 0; size <= whole.length; size += 1) {
    writeFileSync(file, whole.subarray(0, size));
    const again = open();
    const { offset } = again;
    expect(offset % 4).toBe(0);
    // The guest sends again what was not acknowledged, and more.
    for (const [at, text] of ['one\n', 'two\n', 'six\n', 'end\n'].entries()) again.append(record(text, at * 4));
    again.close();
    expect(await textOf(), `cut at ${size}`).toBe('one\ntwo\nsix\nend\n');
  }
});

test('rubbish at the end is cut off', async () => {
  const log = open();
  log.append(record('whole\n', 0));
  log.close();
  const file = segmentFile(place, 1);
  for (const rubbish of [Buffer.alloc(5_000), Buffer.alloc(5_000, 0xff), Buffer.from('x')]) {
    const size = statSync(file).size;
    writeFileSync(file, Buffer.concat([readFileSync(file), rubbish]));
    open().close();
    expect(statSync(file).size).toBe(size);
  }
  expect(await textOf()).toBe('whole\n');
});

test('what comes twice, or in part, after another gateway took over is there once', async () => {
  const log = open();
  log.append(record('abcdef', 0));
  log.close();
  const other = open();
  other.append(record('abc', 0));
  other.append(record('defghi', 3));
  // The first one still writes what lay in its connection.
  other.close();
  expect(await textOf()).toBe('abcdefghi');
});

test('two gateways that write at once leave each byte to be read once', async () => {
  const one = open();
  one.append(record('abc', 0));
  const two = open();
  one.append(record('def', 3));
  two.append(record('def', 3));
  two.append(record('ghi', 6));
  expect(await textOf()).toBe('abcdefghi');
  one.close();
  two.close();
});

test('old segments go, what is kept is whole, and its place in the run is known', async () => {
  const log = open('b1', 400_000);
  write(log, 2_000_000);
  log.close();
  const sizes = segmentsOf(place).map((segment) => statSync(segmentFile(place, segment)).size);
  expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(405_000);
  const kept = await textOf();
  expect(kept).toBe(linesOf(kept.length, 2_000_000 - kept.length).toString());
  expect(kept.length).toBeGreaterThan(250_000);
  expect(open('b1', 400_000).offset).toBe(2_000_000);
});

test('what is forgotten is gone, and the run goes on', async () => {
  const log = open();
  write(log, 5_000);
  log.forget();
  write(log, 6_000);
  log.close();
  expect(await textOf()).toBe(linesOf(1_000, 5_000).toString());
  expect(open().offset).toBe(6_000);
});

describe('a query', () => {
  test('gives the last lines, across records, segments and descriptors', async () => {
    const log = open('b1', 40_000);
    write(log, 30_000, 333);
    for (const lines of [0, 1, 2, 33, 34, 1_000, 2_000])
      expect(await textOf({ tail: lines }), `${lines} lines`).toBe(linesOf(lines * 10, 30_000 - lines * 10).toString());
    log.append(record('no newline', 30_000));
    log.append(record('an error', 30_010, { kind: ENTRY_KINDS.stderr }));
    expect(await textOf({ tail: 1 })).toBe('an error');
    expect(await textOf({ tail: 2 })).toBe('no newlinean error');
    expect(await textOf({ tail: 3 })).toBe('000002999\nno newlinean error');
    log.close();
  });

  test('gives what was written in a time', async () => {
    const log = open();
    for (let at = 0; at < 10; at += 1) log.append(record(String(at), at, { timeNs: BigInt(at * 10) }));
    log.close();
    expect(await textOf({ since: 30n })).toBe('3456789');
    expect(await textOf({ until: 30n })).toBe('0123');
    expect(await textOf({ since: 20n, until: 49n })).toBe('234');
  });

  test('gives one run, from a byte of it on', async () => {
    for (const boot of ['b1', 'b2', 'b3']) {
      const log = open(boot, 40_000);
      write(log, 12_000, 500);
      log.close();
    }
    expect(await textOf({ boot: 'b2', offset: 11_700, only: '1' })).toBe(linesOf(300, 11_700).toString());
    expect(await textOf({ boot: 'b2', offset: 11_700 })).toBe(`${linesOf(300, 11_700)}${linesOf(12_000)}`);
    expect(await textOf({ boot: 'b3', offset: 0, only: '1' })).toBe(linesOf(12_000).toString());
    expect(await textOf({ boot: 'b4', offset: 0, only: '1' })).toBe('');
  });
});

test('a reader who holds gets everything, also when more is written than is kept', async () => {
  const log = open('b1', 40_000);
  let isOver = false;
  const live = { log, isOver: () => isOver };
  const output = readOutput({
    place,
    query: { boot: 'b1', offset: 0, only: '1', follow: '1', hold: '1' },
    live,
    signal: never,
  });
  write(log, 1_000);
  const decoder = new EntryDecoder();
  const parts: Buffer[] = [];
  for await (const piece of output) {
    parts.push(...decoder.feed(piece).flatMap(({ kind, payload }) => (kind === ENTRY_KINDS.boot ? [] : [payload])));
    expect(log.readOffset).toBeLessThan(log.offset);
    if (log.offset < 500_000) write(log, log.offset + 100_000);
    else isOver = true;
    log.wake();
  }
  expect(Buffer.concat(parts).equals(linesOf(log.offset))).toBe(true);
  expect(log.readOffset).toBe(log.offset);
  log.close();
});
