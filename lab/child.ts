import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../platform/log.ts';
import { leash } from './leash.ts';
import { closeLog, openLog, tailOfLog, trimLog } from './log-file.ts';
import { removePidFile, signalGroup, stopStale, writePidFile } from './pid-file.ts';
import { NotReadyError } from './ready.ts';

export interface ChildSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly logger: Logger;
  /** Lets a later run find and end this process if we cannot. */
  readonly pidFile: string;
  /** Receives its output. A file never blocks the child, as a pipe does that nobody reads. */
  readonly logFile: string;
  /** Receives the lines of its standard output in place of the file. */
  readonly onLine?: (line: string) => void;
  /** Resolves when this start of the process is ready for use. The signal fires when the process ends or time is up. */
  readonly ready: (pid: number, signal: AbortSignal) => Promise<void>;
  readonly readyDeadlineMs?: number;
  /** Start it again when it ends by itself. */
  readonly isRestarted: boolean;
  readonly stopDeadlineMs?: number;
  /** Ends the first start while it is not ready yet. */
  readonly signal?: AbortSignal;
}

/** A process of ours: in a group of its own, ended when we end (even by SIGKILL), started again when it dies. */
export interface Child {
  readonly name: string;
  /** Undefined while it does not run. */
  readonly pid: number | undefined;
  /** SIGTERM, and SIGKILL when that does not help in time. Resolves when the process is gone. */
  stop(): Promise<void>;
  /** SIGKILL. It stays dead until `restart()`. */
  kill9(): Promise<void>;
  /** Starts it (after stopping it if it runs), and resolves when it is ready. */
  restart(): Promise<void>;
}

interface Running {
  readonly pid: number;
  /** Resolves with how it ended. */
  readonly gone: Promise<string>;
}

const READY_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 10_000;
const TRIM_INTERVAL_MS = 60_000;
const FIRST_BACKOFF_MS = 200;
const LONGEST_BACKOFF_MS = 10_000;
/** A process that ran this long has not failed to start: the next backoff is the first again. */
const STEADY_AFTER_MS = 30_000;

/** @throws when the first start does not become ready: nothing is left running then */
export async function startChild(spec: ChildSpec): Promise<Child> {
  const child = new SupervisedChild(spec);
  await child.restart();
  return child;
}

class SupervisedChild implements Child {
  readonly #spec: ChildSpec;
  readonly #logger: Logger;
  #running: Running | undefined;
  #backoffMs = FIRST_BACKOFF_MS;
  /** Aborted when somebody wants the process to end or to stay dead. */
  #wanted = new AbortController();
  #restarting: Promise<void> = Promise.resolve();

  constructor(spec: ChildSpec) {
    this.#spec = spec;
    this.#logger = spec.logger.child({ child: spec.name });
  }

  get name(): string {
    return this.#spec.name;
  }

  get pid(): number | undefined {
    return this.#running?.pid;
  }

  async restart(): Promise<void> {
    await this.stop();
    this.#wanted = new AbortController();
    try {
      await this.#start(this.#wanted.signal);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async kill9(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#wanted.abort(new Error(`${this.name} was stopped`));
    await this.#restarting;
    const running = this.#running;
    if (running === undefined) return;
    signalGroup(running.pid, signal);
    const timer = setTimeout(() => signalGroup(running.pid, 'SIGKILL'), this.#spec.stopDeadlineMs ?? STOP_DEADLINE_MS);
    await running.gone;
    clearTimeout(timer);
  }

  /** Starts the process once and waits until it is ready; what is not ready in time may still run. */
  async #start(wanted: AbortSignal): Promise<void> {
    const { logger, pidFile, logFile, ready, readyDeadlineMs = READY_DEADLINE_MS } = this.#spec;
    await stopStale(pidFile, logger);
    const running = await this.#spawn();
    this.#running = running;
    const ended = new AbortController();
    void running.gone.then((how) => {
      if (this.#running === running) this.#running = undefined;
      ended.abort(new Error(`${this.name} ended before it was ready (${how})`));
    });
    const timeUp = new AbortController();
    const timer = setTimeout(
      () => timeUp.abort(new Error(`${this.name} was not ready after ${readyDeadlineMs} ms`)),
      readyDeadlineMs,
    );
    const signal = AbortSignal.any([
      ended.signal,
      timeUp.signal,
      wanted,
      ...(this.#spec.signal ? [this.#spec.signal] : []),
    ]);
    try {
      await ready(running.pid, signal);
      signal.throwIfAborted();
    } catch (error) {
      const reason: unknown = signal.aborted && !(error instanceof NotReadyError) ? signal.reason : error;
      const message = reason instanceof Error ? reason.message : String(reason);
      throw new Error(`${message}\n${tailOfLog(logFile)}`.trim(), { cause: error });
    } finally {
      clearTimeout(timer);
    }
    this.#logger.debug({ childPid: running.pid }, 'ready');
    void running.gone.then((how) => this.#onDeath(how, wanted));
  }

  async #spawn(): Promise<Running> {
    const { command, args, cwd, env, pidFile, logFile, onLine } = this.#spec;
    const log = openLog(logFile);
    const started = spawn(command, args, {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', onLine === undefined ? log : 'pipe', log],
    });
    closeLog(log);
    const { pid } = started;
    if (pid === undefined) throw await failureOf(started, this.name);
    const tie = leash(pid);
    writePidFile(pidFile, pid);
    if (started.stdout !== null && onLine !== undefined) createInterface({ input: started.stdout }).on('line', onLine);
    const startedAtMs = performance.now();
    const trimming = setInterval(() => trimLog(logFile), TRIM_INTERVAL_MS).unref();
    const gone = new Promise<string>((resolve) => {
      started.once('exit', (code, signal) => {
        tie.release();
        clearInterval(trimming);
        removePidFile(pidFile);
        if (performance.now() - startedAtMs > STEADY_AFTER_MS) this.#backoffMs = FIRST_BACKOFF_MS;
        resolve(signal ?? `exit code ${code}`);
      });
    });
    return { pid, gone };
  }

  #onDeath(how: string, wanted: AbortSignal): void {
    if (wanted.aborted) return;
    this.#logger.error({ how, restarted: this.#spec.isRestarted }, 'ended by itself');
    if (this.#spec.isRestarted) this.#restarting = this.#restartUntilReady(wanted);
  }

  async #restartUntilReady(wanted: AbortSignal): Promise<void> {
    while (!wanted.aborted) {
      const waitMs = this.#backoffMs;
      this.#backoffMs = Math.min(waitMs * 2, LONGEST_BACKOFF_MS);
      try {
        await delay(waitMs, undefined, { signal: wanted });
        await this.#start(wanted);
        this.#logger.info({ childPid: this.pid }, 'started again');
        return;
      } catch (error) {
        if (wanted.aborted) return;
        this.#logger.error({ err: error }, 'could not be started again');
        if (this.#running !== undefined) {
          signalGroup(this.#running.pid, 'SIGKILL');
          await this.#running.gone;
        }
      }
    }
  }
}

async function failureOf(started: ChildProcess, name: string): Promise<Error> {
  const cause = await new Promise((resolve) => started.once('error', resolve));
  return new Error(`${name} cannot be started: ${cause instanceof Error ? cause.message : 'unknown'}`, { cause });
}
