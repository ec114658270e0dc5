import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildGo } from '../lab/go.ts';
import { ROOT } from './lab-system.ts';

const run = promisify(execFile);

async function bench(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [join(ROOT, 'bench/main.ts'), ...args]);
  return stdout;
}

beforeAll(async () => {
  const logger = pino({ level: 'error' });
  for (const module of ['lab/vcenter', 'bench/govmomi', 'registry/layerdisk', 'vsphere/mover'])
    await buildGo({ root: ROOT, module, program: '.', env: process.env, logger });
}, 300_000);

// With numbers that say nothing: only that the scripts work.
describe.concurrent('each script measures, and says what beside what', () => {
  test.each([
    ['jobs', ['--jobs=20', '--rounds=1'], /Stowage .* jobs\/s/],
    ['volumes', ['--volumes=4', '--rounds=1', '--concurrency=1,4', '--task-ms=0'], /ratio to govmomi: .* goal 0\.90/],
    ['soap', ['--times=3', '--rounds=1'], /a disk made and deleted: Stowage .* node-soap/],
    ['latency', ['--jobs=3', '--rounds=1', '--depth=20'], /20 waiting, one at a time: p50 .* p99/],
    ['redis', ['--jobs=4', '--rounds=1'], /volume\.create: .* bytes a job/],
    ['images', ['--sample=demo', '--rounds=1'], /by hand takes \d.* goal 1\.00\n.* worker process \d+ MB/],
    [
      'containers',
      ['--containers=4', '--parts=2', '--workers=2'],
      /4 containers had distinct names, uuids and machines/,
    ],
    ['lists', ['--jobs=400', '--dead=60', '--audit=50', '--times=1'], /\/v1\/overview .*\n[^]*goal: each under 200 ms/],
    ['volume-list', ['--volumes=30', '--requests=2'], /30 volumes, .*\n.*\n.* p99 \d+ ms; goal under 300/],
  ])('%s', async (name, options, says) => {
    const output = await bench(name, ...options);
    expect(output).toMatch(/Node\.js v\d+/);
    expect(output).toMatch(says);
    expect(output).not.toContain('NaN');
  });

  test('--help names every script and option', async () => {
    const help = await bench('--help');
    for (const word of [
      'jobs:',
      'volumes:',
      'soap:',
      'latency:',
      'redis:',
      'containers:',
      'images:',
      'volume-list:',
      '--task-ms=',
    ])
      expect(help).toContain(word);
  });
});
