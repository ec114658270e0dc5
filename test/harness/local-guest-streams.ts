import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstat, readlink } from 'node:fs/promises';
import { basename, dirname, join, posix } from 'node:path';
import { PassThrough } from 'node:stream';
import { StowageError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/job.ts';

// What local guests do with a stream or a call, with programs of this machine.

const MAX_PIECE = 65_536;

export function piece(type: number, payload: Uint8Array | object): Buffer {
  const bytes = payload instanceof Uint8Array ? payload : Buffer.from(JSON.stringify(payload));
  const head = Buffer.alloc(8);
  head[0] = type;
  head.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([head, bytes]);
}

export interface Ask {
  readonly about: JsonObject;
  readonly process: ChildProcess;
  readonly root: string;
  readonly input: PassThrough;
  say(type: number, payload: Uint8Array | object): Promise<void>;
}

export async function answer(ask: Ask): Promise<void> {
  const { about, process, root, input, say } = ask;
  const path = inside(root, pathIn(about));
  const what = typeof about['for'] === 'string' ? about['for'] : '';
  switch (what) {
    case 'stdin':
      input.pipe(process.stdin ?? new PassThrough(), { end: about['closes'] === true });
      return await say(3, {});
    case 'exec':
      return await answerExec(ask);
    case 'read':
      return await pipeOut(ask, ['tar', '-C', dirname(path), '-cf', '-', basename(path)]);
    case 'export':
      return await pipeOut(ask, ['tar', '-C', root, '-cf', '-', '.']);
    case 'write':
      return await pipeOut(ask, ['tar', '-C', path, '-xf', '-']);
    default:
      throw new TypeError('a stream that a local guest does not have');
  }
}

function pathIn({ path }: JsonObject): string {
  return typeof path === 'string' ? path : '/';
}

function inside(root: string, path: string): string {
  return join(root, posix.normalize(`/${path}`));
}

async function answerExec(ask: Ask): Promise<void> {
  const { about, root, input, say } = ask;
  const [command = '', ...args] = about['argv'] as readonly string[];
  const env = Object.fromEntries((about['env'] as readonly string[]).map((pair) => pair.split(/=(.*)/s, 2)));
  const process = spawn(command, args, { cwd: root, env: { PATH: '/usr/bin:/bin', ...env } });
  process.stdin.on('error', () => undefined);
  try {
    await once(process, 'spawn');
  } catch {
    const message = `exec: "${command}": executable file not found in $PATH`;
    return await say(3, { exitCode: 127, error: { code: 'not-found', message } });
  }
  await say(4, { pid: process.pid });
  input.pipe(process.stdin);
  const [[code]] = await Promise.all([
    once(process, 'exit') as Promise<[number | null]>,
    copy(process.stdout, 1, ask),
    copy(process.stderr, about['tty'] === true ? 1 : 2, ask),
  ]);
  await say(3, { exitCode: code ?? 137 });
}

async function copy(from: AsyncIterable<Buffer>, type: number, { say }: Ask): Promise<void> {
  for await (const bytes of from)
    for (let at = 0; at < bytes.length; at += MAX_PIECE) await say(type, bytes.subarray(at, at + MAX_PIECE));
}

async function pipeOut(ask: Ask, [command = '', ...args]: readonly string[]): Promise<void> {
  const process = spawn(command, args);
  let told = '';
  process.stderr.on('data', (bytes: Buffer) => (told += String(bytes)));
  process.stdin.on('error', () => undefined);
  ask.input.pipe(process.stdin);
  const exit = once(process, 'exit') as Promise<[number | null]>;
  await copy(process.stdout, 1, ask);
  const [code] = await exit;
  await ask.say(3, code === 0 ? {} : { error: { code: 'invalid', message: told.trim() } });
}

/** A quarter of one of two CPUs since 1970. */
const statsNow = (): JsonObject => ({
  cpuUsec: Date.now() * 250,
  cpuUserUsec: 0,
  cpuSystemUsec: 0,
  systemUsec: Date.now() * 1_000,
  cpus: 2,
  memoryBytes: 30 * 1_048_576,
  memoryLimitBytes: 100 * 1_048_576,
  inactiveFileBytes: 10 * 1_048_576,
  pids: 3,
  readBytes: 4_096,
  writeBytes: 8_192,
  networks: { eth0: { rxBytes: 1_000, rxPackets: 10, txBytes: 2_000, txPackets: 20 } },
});

export async function answerCall(method: string, params: JsonObject, root: string): Promise<JsonObject> {
  switch (method) {
    case 'stat':
      return await statOf(root, pathIn(params));
    case 'top':
      return { titles: ['UID', 'PID', 'CMD'], processes: [['root', '1', 'sleep 2d']] };
    case 'changes':
      return {
        changes: [
          { path: '/etc', kind: 0 },
          { path: '/etc/new', kind: 1 },
          { path: '/gone', kind: 2 },
        ],
      };
    case 'stats':
      return statsNow();
    default:
      return {};
  }
}

/** As Go's os.FileMode has it, of directories, links and plain files. */
async function statOf(root: string, path: string): Promise<JsonObject> {
  const at = inside(root, path);
  try {
    const found = await lstat(at);
    const kind = found.isDirectory() ? 0x8000_0000 : found.isSymbolicLink() ? 0x0800_0000 : 0;
    return {
      name: path === '/' ? '/' : basename(at),
      size: found.size,
      mode: kind + (found.mode & 0o777),
      mtime: found.mtime.toISOString(),
      linkTarget: found.isSymbolicLink() ? await readlink(at) : '',
    };
  } catch (cause) {
    throw new StowageError('guest-path-not-found', `${path}: no such file or directory`, { cause });
  }
}
