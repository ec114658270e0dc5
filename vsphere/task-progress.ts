import type { TaskRef } from '../core/ids.ts';
import type { VimCaller } from './caller.ts';
import { asMoref } from './collector-rig.ts';
import { readObjects } from './properties.ts';
import type { TaskWatch } from './task-watch.ts';

const INTERVAL_MS = 1_000;

/**
 * How far Tasks are that take longer than a moment, asked for from time to time. With their states it would come by itself, but each small
 * step of each Task would then be an answer to a poll.
 */
export class TaskProgress {
  readonly #caller: VimCaller;
  readonly #watches: ReadonlyMap<TaskRef, TaskWatch>;
  readonly #signal: AbortSignal;
  #timer: NodeJS.Timeout | undefined;
  #isReading = false;
  /** Waited for since the last look. */
  #seen = new Set<TaskRef>();

  constructor(caller: VimCaller, watches: ReadonlyMap<TaskRef, TaskWatch>, signal: AbortSignal) {
    this.#caller = caller;
    this.#watches = watches;
    this.#signal = signal;
  }

  /** Looks as long as there are Tasks. */
  begin(): void {
    this.#timer ??= setInterval(() => void this.#look(), INTERVAL_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    if (this.#isReading) return;
    const wanted = [...this.#watches.values()].filter((watch) => watch.wantsProgress);
    const long = wanted.filter((watch) => this.#seen.has(watch.ref));
    this.#seen = new Set(wanted.map((watch) => watch.ref));
    if (this.#watches.size === 0) this.stop();
    if (long.length === 0) return;
    this.#isReading = true;
    try {
      const refs = long.map((watch) => asMoref(watch.ref));
      const found = await readObjects(this.#caller, { type: 'Task', paths: ['info.progress'], refs }, this.#signal);
      const percents = new Map(found.map((task) => [task.ref, task['info.progress']]));
      for (const watch of long) watch.tellProgress(percents.get(asMoref(watch.ref)));
    } catch {
      // It is for people who watch: what is wrong, the poll finds out.
    } finally {
      this.#isReading = false;
    }
  }
}
