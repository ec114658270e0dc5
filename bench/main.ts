import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Bench, parseOptionsOf } from './bench.ts';

// `npm run bench -- <name> [options]`.

const [name = '--help', ...args] = process.argv.slice(2);

const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  jobs: () => Promise.resolve(jobs),
  volumes: async () => (await import('./volumes.ts')).volumes,
  soap: async () => (await import('./soap.ts')).soap,
  latency: async () => (await import('./latency.ts')).latency,
  redis: async () => (await import('./redis.ts')).redis,
  containers: async () => (await import('./containers.ts')).containers,
  recovery: async () => (await import('./recovery.ts')).recovery,
  guest: async () => (await import('./guest.ts')).guest,
  images: async () => (await import('./images.ts')).images,
  lists: async () => (await import('./lists.ts')).lists,
  'volume-list': async () => (await import('./volume-list.ts')).volumeList,
};

/** A script of its own: it parses what it is given itself. */
const jobs: Bench = {
  summary: 'Jobs per second of the kind that does nothing, beside raw BullMQ. Goal: 0.6 of it.',
  options: {
    jobs: { means: 'jobs a round', default: '3000' },
    rounds: { means: 'rounds of each side', default: '5' },
    width: { means: 'submissions at once', default: '64' },
    concurrency: { means: 'jobs at once', default: '32' },
  },
  run() {
    const program = join(import.meta.dirname, 'jobs.ts');
    const { status } = spawnSync(process.execPath, [program, ...args], { stdio: 'inherit' });
    process.exitCode = status ?? 1;
    return Promise.resolve();
  },
};

async function describe(): Promise<string> {
  const lines = ['npm run bench -- <name> [--option=value …]', ''];
  for (const [name, load] of Object.entries(BENCHES)) {
    const { summary, options } = await load();
    lines.push(`${name}: ${summary}`);
    for (const [option, { means, default: fallback }] of Object.entries(options))
      lines.push(`    --${option}=${fallback}  ${means}`);
    lines.push('');
  }
  return lines.join('\n');
}

const load = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
if (load === undefined || args.includes('--help')) {
  console.log(await describe());
  process.exitCode = name === '--help' || load !== undefined ? 0 : 2;
} else {
  const bench = await load();
  const { values } = parseArgs({ args, options: parseOptionsOf(bench), strict: true });
  await bench.run(values as Readonly<Record<string, string>>);
}
