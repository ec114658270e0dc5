import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fetchPackage, withUnpacked } from '../lab/images/debian-package.ts';
import { imageCacheDir } from '../lab/images/samples.ts';
import { type GuestProduct, startGuestProduct } from '../test/harness/guest-product.ts';
import { type BareFigures, bareGuest, echoed } from './bare-guest.ts';
import { type Bench, number } from './bench.ts';
import { machineLine, median } from './rig.ts';

// A container from `docker start` to its first output, its terminal's round trip, its output's throughput and its machine's memory; beside
// QEMU with the same kernel and a shell script in place of the agent, its virtio-serial ports straight on sockets.

const ROOT = resolve(import.meta.dirname, '..');
const MIB = 1_048_576;
/** Until the guest has settled. */
const SETTLES_MS = 5_000;

/** Until the first byte of output. */
async function firstOutputMs({ product }: GuestProduct, args: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  const child = spawn('docker', [...args], {
    env: { PATH: process.env['PATH'], DOCKER_HOST: product.docker },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const tookMs = performance.now() - startedAt;
  child.stdout.resume();
  await once(child, 'exit');
  return tookMs;
}

/** The raw connection of an attached container. */
async function attached({ product }: GuestProduct, name: string): Promise<Socket> {
  const { hostname, port } = new URL(product.docker.replace('tcp:', 'http:'));
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  socket.write(
    `POST /v1.41/containers/${name}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: ${hostname}:${port}\r\n` +
      'Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n',
  );
  const [head] = (await once(socket, 'data')) as [Buffer];
  if (!head.toString('latin1').startsWith('HTTP/1.1 101')) throw new Error(`not attached: ${head.toString('latin1')}`);
  return socket;
}

async function roundTripMs(own: GuestProduct, trips: number): Promise<number> {
  await own.ok('run', '-d', '-i', '--name', 'echo', 'busybox', 'cat');
  const line = await attached(own, 'echo');
  await echoed(line);
  const all: number[] = [];
  for (let n = 0; n < trips; n += 1) all.push(await echoed(line));
  line.destroy();
  return median(all);
}

async function mibPerSecond({ product }: GuestProduct): Promise<number> {
  const child = spawn('docker', ['run', '--rm', 'busybox', 'dd', 'if=/dev/zero', 'bs=64k', 'count=1024'], {
    env: { PATH: process.env['PATH'], DOCKER_HOST: product.docker },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let bytes = 0;
  let firstAt = 0;
  for await (const chunk of child.stdout) {
    if (bytes === 0) firstAt = performance.now();
    bytes += (chunk as Buffer).length;
  }
  return bytes / MIB / ((performance.now() - firstAt) / 1_000);
}

/** What its QEMU alone has in memory. Source: proc(5), `Pss`. */
async function memoryMib(own: GuestProduct, name: string): Promise<number> {
  await sleep(SETTLES_MS);
  const guests = (await own.lab('GET', '/guests')) as readonly { readonly vm: string; readonly pid: number }[];
  const pid = guests.find(({ vm }) => vm === name)?.pid ?? 0;
  const kib = /^Pss:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
  return Number(kib) / 1_024;
}

async function bares(rounds: number, trips: number): Promise<readonly BareFigures[]> {
  const dir = await mkdtemp(join(tmpdir(), 'stowage-bench-bare-'));
  const guestDir = join(ROOT, 'node_modules', '.cache', 'stowage', 'guest');
  const figures: BareFigures[] = [];
  await withUnpacked(await fetchPackage('busybox-static', imageCacheDir(ROOT)), async (folder) => {
    for (let round = 0; round < rounds; round += 1)
      figures.push(await bareGuest({ guestDir, busybox: join(folder, 'bin', 'busybox'), dir, trips }));
  });
  await rm(dir, { recursive: true });
  return figures;
}

export const guest: Bench = {
  summary: 'A container to its first output, its round trip, throughput and memory; beside QEMU with the same kernel.',
  options: {
    rounds: { means: 'boots of each side', default: '5' },
    trips: { means: 'round trips', default: '200' },
  },
  async run(given) {
    const [rounds, trips] = [number(given, 'rounds'), number(given, 'trips')];
    const own = await startGuestProduct();
    try {
      await own.ok('pull', 'busybox');
      const first: number[] = [];
      const again: number[] = [];
      for (let round = 0; round < rounds; round += 1) {
        await own.ok('create', '--name', `c-${round}`, 'busybox', 'echo', 'hi');
        first.push(await firstOutputMs(own, ['start', '-a', `c-${round}`]));
        again.push(await firstOutputMs(own, ['start', '-a', `c-${round}`]));
      }
      const trip = await roundTripMs(own, trips);
      const memory = await memoryMib(own, 'echo');
      await own.ok('rm', '-f', 'echo');
      const rate = await mibPerSecond(own);
      const bare = await bares(rounds, trips);
      const of = (pick: (figures: BareFigures) => number): number => median(bare.map(pick));
      console.log(machineLine());
      console.log(
        `docker start to the first output: ${median(first).toFixed(0)} ms the first time, ${median(again).toFixed(0)} ms again`,
      );
      console.log(
        `  QEMU alone, to its first line: ${of(({ helloMs }) => helloMs).toFixed(0)} ms; ratio ${(median(again) / of(({ helloMs }) => helloMs)).toFixed(2)}`,
      );
      console.log(
        `attach round trip of 64 bytes: ${trip.toFixed(2)} ms; on the bare line ${of(({ roundTripMs: ms }) => ms).toFixed(2)} ms`,
      );
      console.log(
        `output: ${rate.toFixed(1)} MiB/s; on the bare line ${of(({ mibPerSecond: each }) => each).toFixed(1)} MiB/s; ratio ${(rate / of(({ mibPerSecond: each }) => each)).toFixed(2)}`,
      );
      console.log(`memory of an idle machine of 192 MB: ${memory.toFixed(0)} MiB`);
    } finally {
      await own.close();
    }
  },
};
