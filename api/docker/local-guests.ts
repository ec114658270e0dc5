import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstat, mkdtemp, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, posix } from 'node:path';
import { Duplex, PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { StowageError } from '../../core/errors.ts';
import type { GuestState, OutputRecord } from '../../core/guest.ts';
import type { ContainerId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/job.ts';
import type { Guests } from '../../core/ports/guests.ts';

// For tests of this face: guests whose containers are processes and a directory of this machine. What gateways and guests do is tested with them.

export interface LocalGuests {
  readonly guests: Guests;
  /** Calls that change nothing here, as they came. */
  readonly calls: readonly { readonly method: string; readonly params: JsonObject }[];
  /** The container's files. */
  rootOf(container: ContainerId): Promise<string>;
  /** Begins a run. Resolves with the exit code when it is over. */
  run(container: ContainerId, startedAt: string, argv: readonly string[]): Promise<number>;
  /** What the container's process reads then. */
  type(container: ContainerId, text: string): void;
  /** Whose output is being read, one entry a reader. */
  readonly attached: readonly ContainerId[];
  /** Every stream to the guests breaks, as when a gateway dies. */
  cut(): void;
  /** Streams to guests that are open. */
  readonly open: number;
  close(): Promise<void>;
}

interface Run {
  readonly startedAt: string;
  readonly process: ChildProcess;
  readonly output: OutputRecord[];
  state: GuestState;
}

interface Local {
  readonly kept: OutputRecord[];
  run?: Run;
  root?: Promise<string>;
}

const MAX_PIECE = 65_536;

function piece(type: number, payload: Uint8Array | object): Buffer {
  const bytes = payload instanceof Uint8Array ? payload : Buffer.from(JSON.stringify(payload));
  const head = Buffer.alloc(8);
  head[0] = type;
  head.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([head, bytes]);
}

export function createLocalGuests(): LocalGuests {
  const locals = new Map<ContainerId, Local>();
  const calls: { readonly method: string; readonly params: JsonObject }[] = [];
  const streams = new Set<Duplex>();
  const attached: ContainerId[] = [];
  const localOf = (id: ContainerId): Local => {
    const found = locals.get(id) ?? { kept: [] };
    locals.set(id, found);
    return found;
  };
  const rootOf = async (id: ContainerId): Promise<string> => {
    const local = localOf(id);
    local.root ??= mkdtemp(join(tmpdir(), 'stowage-local-guest-'));
    return await local.root;
  };
  const runningOf = (id: ContainerId): Run => {
    const run = localOf(id).run;
    if (run?.state.state === 'running') return run;
    throw new StowageError('guest-unreachable', `no guest of container ${id} answers`);
  };

  const guests: Guests = {
    async open(container, about, signal) {
      const run = runningOf(container);
      const [toGuest, fromGuest] = [new PassThrough(), new PassThrough()];
      const stream = Duplex.from({ writable: toGuest, readable: fromGuest });
      stream.on('error', () => undefined);
      streams.add(stream);
      stream.once('close', () => streams.delete(stream));
      signal.addEventListener('abort', () => stream.destroy(), { once: true });
      const say = async (type: number, payload: Uint8Array | object): Promise<void> => {
        if (!fromGuest.write(piece(type, payload))) await once(fromGuest, 'drain', { signal });
      };
      void answer({ about, run, root: await rootOf(container), input: toGuest, say }).then(
        () => fromGuest.end(),
        (error: Error) => stream.destroy(error),
      );
      return stream;
    },
    async call(container, method, params) {
      runningOf(container);
      calls.push({ method, params });
      return await answerCall(method, params, await rootOf(container));
    },
    async state(container, wait, signal) {
      for (;;) {
        const state = localOf(container).run?.state;
        if (wait === undefined || state?.startedAt === wait.run || signal.aborted) return state;
        await turn();
      }
    },
    async *logs(container, { tail, sinceNs = 0n, untilNs, follow }, signal) {
      const { kept, run } = localOf(container);
      const lines = kept.filter(({ timeNs }) => timeNs >= sinceNs && (untilNs === undefined || timeNs <= untilNs));
      const seen = run?.output.length ?? 0;
      yield* tail === undefined ? lines : lines.slice(Math.max(0, lines.length - tail));
      if (follow && run !== undefined) yield* outputAfter(run, seen, signal);
    },
    async *attach(container, from, signal) {
      const before = localOf(container).run;
      while (from === 'next' && localOf(container).run === before) {
        if (signal.aborted) return;
        await turn();
      }
      const { run } = localOf(container);
      if (run === undefined) return;
      attached.push(container);
      yield* outputAfter(run, from === 'now' ? run.output.length : 0, signal);
      attached.splice(attached.indexOf(container), 1);
    },
    async forget(container) {
      localOf(container).kept.length = 0;
    },
  };

  return {
    guests,
    calls,
    rootOf,
    attached,
    type: (container, text) => void runningOf(container).process.stdin?.write(text),
    get open() {
      return streams.size;
    },
    cut() {
      for (const stream of streams) stream.destroy(new StowageError('guest-unreachable', 'the gateway is gone'));
    },
    async run(container, startedAt, [command = '', ...args]) {
      const local = localOf(container);
      const process = spawn(command, args, { cwd: await rootOf(container) });
      const run: Run = {
        startedAt,
        process,
        output: [],
        state: { state: 'running', pid: process.pid ?? 0, startedAt },
      };
      const take = (stream: OutputRecord['stream']) => (bytes: Buffer) => {
        const record = { stream, timeNs: BigInt(Date.now()) * 1_000_000n, bytes };
        run.output.push(record);
        local.kept.push(record);
      };
      process.stdout.on('data', take('stdout'));
      process.stderr.on('data', take('stderr'));
      process.stdin.on('error', () => undefined);
      local.run = run;
      const [code] = (await once(process, 'close')) as [number | null];
      run.state = { state: 'exited', exitCode: code ?? 137, startedAt };
      return code ?? 137;
    },
    async close() {
      for (const { run, root } of locals.values()) {
        run?.process.kill('SIGKILL');
        if (root !== undefined) await rm(await root, { recursive: true, force: true });
      }
    },
  };
}

async function* outputAfter(run: Run, seen: number, signal: AbortSignal): AsyncGenerator<OutputRecord> {
  for (let at = seen; !signal.aborted; ) {
    const record = run.output[at];
    if (record !== undefined) {
      at += 1;
      yield record;
    } else if (run.state.state !== 'running') return;
    else await turn();
  }
}

interface Ask {
  readonly about: JsonObject;
  readonly run: Run;
  readonly root: string;
  readonly input: PassThrough;
  say(type: number, payload: Uint8Array | object): Promise<void>;
}

async function answer(ask: Ask): Promise<void> {
  const { about, run, root, input, say } = ask;
  const path = inside(root, String(about['path'] ?? '/'));
  switch (about['for']) {
    case 'stdin':
      input.pipe(run.process.stdin ?? new PassThrough(), { end: about['closes'] === true });
      return await say(3, {});
    case 'exec':
      return await answerExec(ask);
    case 'read':
      return await pipeOut(ask, ['tar', '-C', dirname(path), '-cf', '-', basename(path)]);
    case 'export':
      return await pipeOut(ask, ['tar', '-C', root, '-cf', '-', '.']);
    case 'write':
      return await pipeOut(ask, ['tar', '-C', path, '-xf', '-']);
  }
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

async function answerCall(method: string, { path = '/' }: JsonObject, root: string): Promise<JsonObject> {
  switch (method) {
    case 'stat':
      return await statOf(root, String(path));
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
      return {
        ...{ cpuUsec: Date.now() * 250, cpuUserUsec: 0, cpuSystemUsec: 0, systemUsec: Date.now() * 1_000, cpus: 2 },
        ...{ memoryBytes: 30 * 1_048_576, memoryLimitBytes: 100 * 1_048_576, inactiveFileBytes: 10 * 1_048_576 },
        ...{ pids: 3, readBytes: 4_096, writeBytes: 8_192 },
        networks: { eth0: { rxBytes: 1_000, rxPackets: 10, txBytes: 2_000, txPackets: 20 } },
      };
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
