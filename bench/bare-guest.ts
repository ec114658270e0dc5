import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, copyFileSync, readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

// What QEMU does with the guest's kernel and nothing of ours: a shell script is process 1, and the serial line goes to a socket.

const MIB = 1_048_576;
const OPTIONS =
  'console=ttyS0 quiet loglevel=1 clocksource=acpi_pm no_timer_check mitigations=off nokaslr random.trust_cpu=on cryptomgr.notests ' +
  'apparmor=0 audit=0 nowatchdog reboot=t panic=-1 init_on_alloc=0 noreplace-smp lpj=5192260 ' +
  'initcall_blacklist=init_kprobe_trace,init_ima,load_system_certificate_list';
const MODULES = [
  'virtio',
  'virtio_ring',
  'virtio_pci_legacy_dev',
  'virtio_pci_modern_dev',
  'virtio_pci',
  'virtio_console',
];
/** It echoes on one port, and pours zeros into the other as soon as a byte comes there. */
const INIT = `#!/busybox sh
echo HELLO >/dev/console
/busybox mount -t devtmpfs dev /dev
/busybox mount -t sysfs sys /sys
for m in ${MODULES.join(' ')}; do /busybox insmod /modules/$m.ko; done
/busybox sleep 0.2
for p in /sys/class/virtio-ports/*; do
  case $(/busybox cat $p/name) in echo) echo=/dev/\${p##*/} ;; pour) pour=/dev/\${p##*/} ;; esac
done
(/busybox head -c 1 <$pour >/dev/null; /busybox dd if=/dev/zero of=$pour bs=64k count=512 2>/dev/null) &
/busybox cat <$echo >$echo
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

export interface BareFigures {
  /** From exec of QEMU to the first output. */
  readonly helloMs: number;
  /** Of 64 bytes, there and back; the median. */
  readonly roundTripMs: number;
  readonly mibPerSecond: number;
}

export async function bareGuest(given: {
  readonly guestDir: string;
  readonly busybox: string;
  readonly dir: string;
  readonly trips: number;
}): Promise<BareFigures> {
  const initramfs = makeInitramfs(given.guestDir, given.busybox, given.dir);
  const [echo, pour] = [await listen(), await listen()];
  const beganAt = performance.now();
  const port = (id: string, { server }: Listening): readonly string[] => {
    const address = server.address();
    const number = typeof address === 'object' && address !== null ? address.port : 0;
    return [
      '-chardev',
      `socket,id=${id},host=127.0.0.1,port=${number},nodelay=on`,
      '-device',
      `virtserialport,chardev=${id},name=${id}`,
    ];
  };
  const child = spawn(
    'qemu-system-x86_64',
    // The same machine as lab/vcenter's internal/host has.
    ['-nodefaults', '-no-user-config', '-display', 'none', '-M', 'q35,vmport=off', '-cpu', 'max', '-smp', '1']
      .concat(['-accel', 'tcg,thread=multi,tb-size=64', '-m', '192', '-no-reboot', '-serial', 'stdio'])
      .concat(['-kernel', join(given.guestDir, 'vmlinux'), '-initrd', initramfs, '-append', OPTIONS])
      .concat(['-device', 'virtio-serial-pci,max_ports=4', ...port('echo', echo), ...port('pour', pour)]),
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  try {
    await shown(child.stdout, 'HELLO');
    const helloMs = performance.now() - beganAt;
    const line = await echo.connected;
    await echoed(line);
    const trips: number[] = [];
    for (let n = 0; n < given.trips; n += 1) trips.push(await echoed(line));
    return {
      helloMs,
      roundTripMs: trips.toSorted((a, b) => a - b)[trips.length >> 1] ?? 0,
      mibPerSecond: await poured(await pour.connected),
    };
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
  const connected = once(server, 'connection').then(([socket]) => socket as Socket);
  await once(server, 'listening');
  return { server, connected };
}

async function shown(stream: AsyncIterable<unknown>, text: string): Promise<void> {
  let all = '';
  for await (const chunk of stream) {
    all += String(chunk);
    if (all.includes(text)) return;
  }
  throw new Error(`QEMU ended without ${text}: ${all}`);
}

/** @returns how long 64 bytes took */
export async function echoed(line: Pick<Socket, 'write' | 'on' | 'off'>): Promise<number> {
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
