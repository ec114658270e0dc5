import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex, PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { StowageError } from '../../core/errors.ts';
import type { GuestState, OutputRecord } from '../../core/guest.ts';
import type { ContainerId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/job.ts';
import type { Guests } from '../../core/ports/guests.ts';
import { answer, answerCall, piece } from './local-guest-streams.ts';

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
  /** As when its machine is turned off. */
  kill(container: ContainerId): void;
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
      void answer({ about, process: run.process, root: await rootOf(container), input: toGuest, say }).then(
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
      const isHere = (): boolean => from !== 'next' || localOf(container).run !== before;
      while (!isHere() && !signal.aborted) await turn();
      const { run } = localOf(container);
      if (run === undefined || signal.aborted) return;
      attached.push(container);
      yield* outputAfter(run, from === 'now' ? run.output.length : 0, signal);
      attached.splice(attached.indexOf(container), 1);
    },
    gateways: async () => [],
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
    kill: (container) => void locals.get(container)?.run?.process.kill('SIGKILL'),
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
