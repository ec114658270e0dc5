import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
/** Ends what hangs. */
const DEADLINE_MS = 90_000;

export interface CliRan {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Standard output as JSON. */
  json(): Record<string, unknown>;
}

export interface CliProcess {
  readonly ended: Promise<CliRan>;
  /** Resolves when it has written this so far; fails when it ends without. */
  said(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

export interface Cli {
  (...args: readonly string[]): Promise<CliRan>;
  /** Runs it with something on its standard input, or in another environment. */
  with(options: CliOptions): (...args: readonly string[]) => Promise<CliRan>;
  start(options: CliOptions, ...args: readonly string[]): CliProcess;
  /** Its configuration is here. */
  readonly home: string;
  close(): void;
}

interface CliOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The real command, as a person has it: `bin/stowage`, with a home of its own. */
export function stowageCli(env: Readonly<Record<string, string>>): Cli {
  const home = mkdtempSync(join(tmpdir(), 'stowage-cli-'));
  const start: Cli['start'] = (options, ...args) =>
    startCli({ HOME: home, ...env, ...options.env }, args, options.input);
  const run =
    (options: CliOptions) =>
    async (...args: readonly string[]): Promise<CliRan> =>
      await start(options, ...args).ended;
  return Object.assign(run({}), {
    with: run,
    start,
    home,
    close: () => rmSync(home, { recursive: true, force: true }),
  });
}

function startCli(env: Readonly<Record<string, string>>, args: readonly string[], input = ''): CliProcess {
  const child = spawn(join(ROOT, 'bin/stowage'), [...args], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: DEADLINE_MS,
  });
  let out = '';
  let err = '';
  const listeners = new Set<() => void>();
  const hear = (): void => {
    for (const each of listeners) each();
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    hear();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
    hear();
  });
  // It may have ended before it took everything.
  child.stdin.on('error', () => undefined).end(input);
  const { promise: ended, resolve: end, reject } = Promise.withResolvers<CliRan>();
  child.once('error', reject);
  child.once('close', (code) => {
    end({ code: code ?? 255, out, err, json: () => JSON.parse(out) as Record<string, unknown> });
  });
  return {
    ended,
    async said(text) {
      const { promise, resolve: heard, reject: missed } = Promise.withResolvers<void>();
      const listen = (): void => {
        if (out.includes(text) || err.includes(text)) heard();
      };
      listeners.add(listen);
      void ended.then(() => missed(new Error(`it ended without ${text}: ${out}${err}`)));
      listen();
      await promise;
    },
    kill: (signal) => void child.kill(signal),
  };
}
