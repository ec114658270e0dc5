import { StowageError } from '../core/errors.ts';
import type { TaskRef } from '../core/ids.ts';
import { asDecodedFault, translateFault } from './faults.ts';
import { abortError } from './abort.ts';
import { parseProperty } from './properties.ts';
import type { Vim } from './schema/vim.ts';

export interface WaitOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: ((percent: number) => void) | undefined;
}

interface Waiter {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: StowageError) => void;
  readonly onProgress: ((percent: number) => void) | undefined;
}

export const WATCHED_TASK_PATHS = ['info.state', 'info.result', 'info.error', 'info.name'] as const;

/** One Task and those who wait for it. Its properties come in pieces; over is what its state says, once all of an update is in. */
export class TaskWatch {
  readonly ref: TaskRef;
  readonly #waiters = new Set<Waiter>();
  readonly #seen = new Map<string, unknown>();

  constructor(ref: TaskRef) {
    this.ref = ref;
  }

  get isWanted(): boolean {
    return this.#waiters.size > 0;
  }

  /** Rejects with the signal's reason when it fires; then, when nobody else waits, `onIdle` is called. */
  wait(options: WaitOptions, onIdle: () => void): Promise<unknown> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', onAbort);
      };
      const onAbort = (): void => {
        settle();
        reject(abortError(signal));
        if (!this.isWanted) onIdle();
      };
      const waiter: Waiter = {
        resolve: (result) => {
          settle();
          resolve(result);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
        onProgress: options.onProgress,
      };
      this.#waiters.add(waiter);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** @returns whether the Task is over; its waiters are then settled */
  apply(changes: readonly Pick<Vim<'PropertyChange'>, 'name' | 'val'>[]): boolean {
    for (const { name, val } of changes) {
      this.#seen.set(name, val === undefined ? undefined : parseProperty('Task', name, val));
    }
    switch (this.#seen.get('info.state')) {
      case 'success':
        for (const waiter of this.#waiters) waiter.resolve(this.#seen.get('info.result'));
        return true;
      case 'error':
        this.fail(this.#fault());
        return true;
      default:
        return false;
    }
  }

  fail(error: StowageError): void {
    for (const waiter of this.#waiters) waiter.reject(error);
  }

  get wantsProgress(): boolean {
    return [...this.#waiters].some((waiter) => waiter.onProgress !== undefined);
  }

  tellProgress(percent: number | undefined): void {
    if (percent !== undefined) for (const waiter of this.#waiters) waiter.onProgress?.(percent);
  }

  #fault(): StowageError {
    const error = this.#seen.get('info.error') as Vim<'LocalizedMethodFault'> | undefined;
    const name = this.#seen.get('info.name');
    const context = `${typeof name === 'string' ? name : 'a Task'} (${this.ref})`;
    const fault = asDecodedFault(error?.fault) ?? { xsiType: 'MethodFault' };
    return translateFault({ fault, message: error?.localizedMessage ?? '' }, context);
  }
}

export function unknownTask(ref: TaskRef): StowageError {
  return new StowageError(
    'vcenter-not-found',
    `vCenter does not know ${ref}: it was restarted, or the Task was long ago`,
  );
}
