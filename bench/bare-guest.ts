import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, copyFileSync, readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pssMibOf } from './memory.ts';
import { median } from './rig.ts';

// What QEMU does with the guest's kernel and nothing of ours: a shell script is process 1, and the serial line goes to a socket.

const MIB = 1_048_576;
const OPTIONS =
  'console=ttyS0 quiet loglevel=1 clocksource=acpi_pm no_timer_check mitigations=off nokaslr random.trust_cpu=on cryptomgr.notests ' +
  'apparmor=0 audit=0 nowatchdog reboot=t panic=-1 init_on_alloc=0 noreplace-smp lpj=5192260 ' +
  'initcall_blacklist=init_kprobe_trace,init_ima,load_system_certificate_list';
const MODULES = ['virtio_pci', 'virtio_console'];
/** It loads modules as the agent does, each after those that it needs; echoes on one port, and pours zeros into the other as soon as a byte comes there. A port can be open but once. */
const INIT = `#!/busybox sh
echo HELLO >/dev/console
/busybox mount -t devtmpfs dev /dev
/busybox mount -t sysfs sys /sys
for wanted in ${MODULES.join(' ')}; do
  for m in $(/busybox grep -E "(^| )$wanted$" /modules/order); do /busybox insmod /modules/$m.ko 2>/dev/null; done
done
/busybox sleep 0.2
for p in /sys/class/virtio-ports/*; do
  case $(/busybox cat $p/name) in echo) echo=/dev/\${p##*/} ;; pour) pour=/dev/\${p##*/} ;; esac
done
(/busybox head -c 1 <$pour >/dev/null; /busybox dd if=/dev/zero of=$pour bs=64k count=512 2>/dev/null) &
/busybox cat <>$echo >&0
`;

/** A file of a newc archive; the kernel unpacks one archive after another. Source: Documentation/driver-api/early-userspace/buffer-format.rst. */
function entry(name: string, content: Buffer, mode: number): Buffer {
  const hex = (value: number): string => value.toString(16).padStart(8, '0');
  const fields = [0, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length + 1, 0].map(hex).join('');
  const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
  return Buffer.concat([padded(Buffer.from(`070701${fields}${name}\0`)), padded(content)]);
}

/** @returns the initramfs */
function makeInitramfs(guestDir: string, busybox: string, dir: string): string {
  const file = join(dir, 'bare-initramfs');
  copyFileSync(join(guestDir, 'initramfs'), file);
  appendFileSync(file, entry('busybox', readFileSync(busybox), 0o100755));
  appendFileSync(file, entry('init', Buffer.from(INIT), 0o100755));
  appendFileSync(file, entry('TRAILER!!!', Buffer.alloc(0), 0));
  return file;
}

export interface GuestFigures {
  /** Until the first output. */
  readonly firstMs: number;
  /** Of 64 bytes, there and back; the median. */
  readonly roundTripMs: number;
  readonly mibPerSecond: number;
  /** Of its QEMU, once it idles. Source: proc(5), `Pss`. */
  readonly memoryMib: number;
}

/** Until a guest has settled. */
export const SETTLES_MS = 3_000;

/** The same machine as lab/vcenter's internal/host has. */
function boot(guestDir: string, initramfs: string, ports: readonly (readonly [string, Listening])[]): Booted {
  const lines = ports.flatMap(([id, { server }]) => {
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const socket = `socket,id=${id},host=127.0.0.1,port=${port},nodelay=on`;
    return ['-chardev', socket, '-device', `virtserialport,chardev=${id},name=${id}`];
  });
  const child = spawn(
    'qemu-system-x86_64',
    [
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
      '-M',
      'q35,vmport=off',
      '-cpu',
      'max,erms=off,fsrm=off',
      '-smp',
      '1',
    ]
      .concat(['-accel', 'tcg,thread=multi,tb-size=64', '-m', '192', '-no-reboot', '-serial', 'stdio'])
      .concat(['-kernel', join(guestDir, 'vmlinux'), '-initrd', initramfs, '-append', OPTIONS])
      .concat(['-device', 'virtio-serial-pci,max_ports=4', ...lines]),
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let console = '';
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => undefined);
  child.on('error', ended.reject);
  child.on('exit', () => ended.reject(new Error(`QEMU ended before it was done: ${console}`)));
  const hello = Promise.withResolvers<void>();
  child.stdout.on('data', (chunk: Buffer) => {
    console += chunk.toString('latin1');
    if (console.includes('HELLO')) hello.resolve();
  });
  return { child, hello: hello.promise, ended: ended.promise };
}

interface Booted {
  readonly child: ChildProcess;
  readonly hello: Promise<void>;
  /** Rejects with the console, so that nobody waits for a machine that is not there any more. */
  readonly ended: Promise<never>;
}

export async function bareGuest(given: {
  readonly guestDir: string;
  readonly busybox: string;
  readonly dir: string;
  readonly trips: number;
}): Promise<GuestFigures> {
  const initramfs = makeInitramfs(given.guestDir, given.busybox, given.dir);
  const [echo, pour] = [await listen(), await listen()];
  const beganAt = performance.now();
  const { child, hello, ended } = boot(given.guestDir, initramfs, [
    ['echo', echo],
    ['pour', pour],
  ]);
  const measure = async (): Promise<GuestFigures> => {
    await hello;
    const firstMs = performance.now() - beganAt;
    const roundTripMs = await roundTripsMs(await echo.connected, given.trips);
    const mibPerSecond = await poured(await pour.connected);
    await sleep(SETTLES_MS);
    return { firstMs, roundTripMs, mibPerSecond, memoryMib: pssMibOf(child.pid ?? 0) };
  };
  try {
    return await Promise.race([measure(), ended]);
  } finally {
    child.kill('SIGKILL');
    for (const { server } of [echo, pour]) server.close();
  }
}

interface Listening {
  readonly server: Server;
  readonly connected: Promise<Socket>;
}

async function listen(): Promise<Listening> {
  const server = createServer().listen(0, '127.0.0.1');
  const connected = once(server, 'connection').then(([connection]) => {
    const socket = connection as Socket;
    // Its QEMU is killed in the end.
    socket.on('error', () => undefined);
    return socket;
  });
  await once(server, 'listening');
  return { server, connected };
}

/** Of 64 bytes that are echoed; the median. The first one is not counted. */
export async function roundTripsMs(line: Pick<Socket, 'write' | 'on' | 'off'>, trips: number): Promise<number> {
  await echoed(line);
  const all: number[] = [];
  for (let n = 0; n < trips; n += 1) all.push(await echoed(line));
  return median(all);
}

/** @returns how long 64 bytes took */
async function echoed(line: Pick<Socket, 'write' | 'on' | 'off'>): Promise<number> {
  const sent = Buffer.alloc(64, 'x');
  const startedAt = performance.now();
  let missing = sent.length;
  const back = Promise.withResolvers<void>();
  const onData = (chunk: Buffer): void => {
    missing -= chunk.length;
    if (missing <= 0) back.resolve();
  };
  line.on('data', onData);
  line.write(sent);
  await back.promise;
  line.off('data', onData);
  return performance.now() - startedAt;
}

async function poured(line: Socket): Promise<number> {
  const wanted = 32 * MIB;
  let bytes = 0;
  let firstAt = 0;
  line.write('x');
  for await (const chunk of line) {
    if (bytes === 0) firstAt = performance.now();
    bytes += (chunk as Buffer).length;
    if (bytes >= wanted) break;
  }
  return bytes / MIB / ((performance.now() - firstAt) / 1_000);
}
