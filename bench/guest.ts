import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fetchPackage, withUnpacked } from '../lab/images/debian-package.ts';
import { imageCacheDir } from '../lab/images/samples.ts';
import { type GuestProduct, startGuestProduct } from '../test/harness/guest-product.ts';
import { bareGuest, type GuestFigures, roundTripsMs, SETTLES_MS } from './bare-guest.ts';
import { type Bench, number } from './bench.ts';
import { pssMibOf } from './memory.ts';
import { machineLine, median } from './rig.ts';

// A container from `docker start` to its first output, its terminal's round trip, its output's throughput and its machine's memory; beside
// QEMU with the same kernel and a shell script in place of the agent, its virtio-serial ports straight on sockets.

const ROOT = resolve(import.meta.dirname, '..');
const MIB = 1_048_576;

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

interface OwnFigures extends GuestFigures {
  /** Of the first start: after it the layers' files are in the host's cache. */
  readonly freshMs: number;
}

async function ownGuest(own: GuestProduct, round: number, trips: number): Promise<OwnFigures> {
  const [once, echo] = [`c-${round}`, `echo-${round}`];
  await own.ok('create', '--name', once, 'busybox', 'echo', 'hi');
  const freshMs = await firstOutputMs(own, ['start', '-a', once]);
  const firstMs = await firstOutputMs(own, ['start', '-a', once]);
  const rate = await mibPerSecond(own);
  await own.ok('run', '-d', '-i', '--name', echo, 'busybox', 'cat');
  const line = await attached(own, echo);
  const roundTripMs = await roundTripsMs(line, trips);
  line.destroy();
  await sleep(SETTLES_MS);
  const guests = (await own.lab('GET', '/guests')) as readonly { readonly vm: string; readonly pid: number }[];
  const memoryMib = pssMibOf(guests.find(({ vm }) => vm === echo)?.pid ?? 0);
  await own.ok('rm', '-f', echo, once);
  return { freshMs, firstMs, roundTripMs, mibPerSecond: rate, memoryMib };
}

/** Medians of both sides, and of the rounds' ratios: Stowage to QEMU alone. */
function tell(own: readonly OwnFigures[], bare: readonly GuestFigures[]): void {
  const line = (what: string, pick: (figures: GuestFigures) => number, digits: number): string => {
    const ratios = own.map((each, at) => pick(each) / pick(bare[at] ?? each));
    const of = (side: readonly GuestFigures[]): string => median(side.map(pick)).toFixed(digits);
    const each = ratios.map((ratio) => ratio.toFixed(2)).join(' ');
    return `  ${what}: ${of(own)}, QEMU alone ${of(bare)}; ratio ${median(ratios).toFixed(2)} (rounds: ${each})`;
  };
  console.log(machineLine());
  console.log(`  a container's first start: ${median(own.map(({ freshMs }) => freshMs)).toFixed(0)} ms to its output`);
  console.log(line('start to the first output, ms', ({ firstMs }) => firstMs, 0));
  console.log(line('round trip of 64 bytes, ms', ({ roundTripMs }) => roundTripMs, 2));
  console.log(line('output, MiB/s', ({ mibPerSecond: rate }) => rate, 1));
  console.log(line('memory of a machine of 192 MB that idles, MiB', ({ memoryMib }) => memoryMib, 0));
}

export const guest: Bench = {
  summary: 'A container to its first output, its round trip, throughput and memory; beside QEMU with the same kernel.',
  options: {
    rounds: { means: 'rounds, each of both sides', default: '5' },
    trips: { means: 'round trips', default: '200' },
  },
  async run(given) {
    const [rounds, trips] = [number(given, 'rounds'), number(given, 'trips')];
    const dir = await mkdtemp(join(tmpdir(), 'stowage-bench-bare-'));
    const guestDir = join(ROOT, 'node_modules', '.cache', 'stowage', 'guest');
    const product = await startGuestProduct();
    try {
      await product.ok('pull', 'busybox');
      await withUnpacked(await fetchPackage('busybox-static', imageCacheDir(ROOT)), async (folder) => {
        const own: OwnFigures[] = [];
        const bare: GuestFigures[] = [];
        for (let round = 0; round < rounds; round += 1) {
          own.push(await ownGuest(product, round, trips));
          bare.push(await bareGuest({ guestDir, busybox: join(folder, 'bin', 'busybox'), dir, trips }));
        }
        tell(own, bare);
      });
    } finally {
      await product.close();
      await rm(dir, { recursive: true });
    }
  },
};
