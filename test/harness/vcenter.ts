import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

// vCenters to test against. lab: ours, strict where storage depends on it, with controls under `/lab/`. stock: govmomi's
// simulator as it is, an independent check of the wire format.

const LAB_SOURCE = resolve(import.meta.dirname, '../../lab/vcenter');
const BIN = resolve(import.meta.dirname, '../../.stowage/bin');
const PROGRAMS = { lab: '.', stock: './cmd/stock' } as const;
export type VcenterProgram = keyof typeof PROGRAMS;

export interface RunningVcenter {
  /** With `/sdk`. */
  readonly url: string;
  /** Where the controls of the lab are, without a slash at its end. The stock simulator has none. */
  readonly labUrl: string;
  readonly user: string;
  readonly password: string;
  /** What was given, or made. The stock simulator does not use it. */
  readonly directory: string;
  stop(): Promise<void>;
}

export interface VcenterOptions {
  /** Kept at the end; without it, one is made and removed. */
  readonly directory?: string;
  readonly args?: readonly string[];
}

function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
    child.once('error', fail);
    child.once('exit', (code) =>
      code === 0 ? done() : fail(new Error(`${command} ${args.join(' ')} ended with ${code}`)),
    );
  });
}

async function newestSourceMs(): Promise<number> {
  const names = await readdir(LAB_SOURCE, { recursive: true });
  const sources = names.filter((name) => /\.(go|mod|sum)$/.test(name));
  const times = await Promise.all(sources.map(async (name) => (await stat(join(LAB_SOURCE, name))).mtimeMs));
  return Math.max(0, ...times);
}

/** Files of test runs that build at the same time meet here: one builds, the others wait. */
async function withBuildLock<T>(work: () => Promise<T>): Promise<T> {
  await mkdir(BIN, { recursive: true });
  const path = join(BIN, 'build.lock');
  for (;;) {
    const lock = await open(path, 'wx').catch(() => undefined);
    if (lock !== undefined) {
      try {
        return await work();
      } finally {
        await lock.close();
        await rm(path, { force: true });
      }
    }
    const ageMs = Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now());
    // Left behind by a run that was killed.
    if (ageMs > 300_000) await rm(path, { force: true });
    await sleep(100);
  }
}

/** The program's path; built when a source is newer than it. */
async function buildVcenter(program: VcenterProgram): Promise<string> {
  const binary = join(BIN, `vcenter-${program}`);
  const isFresh = async (): Promise<boolean> =>
    existsSync(binary) && (await stat(binary)).mtimeMs > (await newestSourceMs());
  if (await isFresh()) return binary;
  await withBuildLock(async () => {
    if (!(await isFresh())) await run('go', ['build', '-o', binary, PROGRAMS[program]], LAB_SOURCE);
  });
  return binary;
}

interface ReadyLine {
  readonly url: string;
}

/** The stock simulator takes any. */
const USER = 'stowage@vsphere.local';
const PASSWORD = 'kept-secret-0815';

/** Starts one on a free port and waits until it answers. */
export async function startVcenter(program: VcenterProgram, options: VcenterOptions = {}): Promise<RunningVcenter> {
  const binary = await buildVcenter(program);
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'stowage-vcenter-')));
  const labArgs = ['-dir', directory, '-user', USER, '-password', PASSWORD];
  const args = ['-listen', '127.0.0.1:0', ...(program === 'lab' ? labArgs : []), ...(options.args ?? [])];
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise<void>((done) => child.once('exit', () => done()));
  const ready = await readyLine(child.stdout, exited);
  return {
    url: ready.url,
    labUrl: new URL('/lab', ready.url).href,
    user: USER,
    password: PASSWORD,
    directory,
    async stop() {
      // The stock simulator keeps nothing, and would first wait for polls that never end.
      child.kill(program === 'lab' ? 'SIGTERM' : 'SIGKILL');
      const giveUp = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await exited;
      clearTimeout(giveUp);
      if (options.directory === undefined) await rm(directory, { recursive: true, force: true });
    },
  };
}

async function readyLine(stdout: NodeJS.ReadableStream, exited: Promise<void>): Promise<ReadyLine> {
  const lines = createInterface({ input: stdout });
  const first = (async (): Promise<ReadyLine> => {
    for await (const line of lines) {
      if (!line.startsWith('{')) continue;
      const parsed = JSON.parse(line) as Partial<ReadyLine>;
      if (parsed.url !== undefined) return { ...parsed, url: parsed.url };
    }
    throw new Error('the vCenter said nothing before it ended');
  })();
  const died = exited.then((): never => {
    throw new Error('the vCenter ended before it was ready');
  });
  const ready = await Promise.race([first, died]);
  died.catch(() => undefined);
  stdout.resume();
  return ready;
}
