import { abortError } from './failure.ts';

interface Waiter {
  readonly key: string;
  readonly go: () => void;
}

/** Lets so many go at once, and so many of one key; first come, first served among those that may. */
export class Turns {
  readonly #most: number;
  readonly #mostOfKey: number;
  readonly #going = new Map<string, number>();
  readonly #waiting: Waiter[] = [];
  #total = 0;

  constructor(most: number, mostOfKey: number) {
    this.#most = most;
    this.#mostOfKey = mostOfKey;
  }

  /** @returns what ends the turn; to be called once. @param onWait called when it has to wait */
  async take(key: string, signal: AbortSignal, onWait: () => void): Promise<() => void> {
    if (signal.aborted) throw abortError(signal);
    if (this.#mayGo(key)) this.#begin(key);
    else await this.#wait(key, signal, onWait);
    return () => this.#end(key);
  }

  #wait(key: string, signal: AbortSignal, onWait: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(abortError(signal));
      };
      const waiter: Waiter = {
        key,
        go: () => {
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      this.#waiting.push(waiter);
      signal.addEventListener('abort', leave, { once: true });
      onWait();
    });
  }

  #mayGo(key: string): boolean {
    return this.#total < this.#most && (this.#going.get(key) ?? 0) < this.#mostOfKey;
  }

  #begin(key: string): void {
    this.#total += 1;
    this.#going.set(key, (this.#going.get(key) ?? 0) + 1);
  }

  #end(key: string): void {
    this.#total -= 1;
    const left = (this.#going.get(key) ?? 1) - 1;
    if (left === 0) this.#going.delete(key);
    else this.#going.set(key, left);
    const index = this.#waiting.findIndex((waiter) => this.#mayGo(waiter.key));
    const [next] = index === -1 ? [] : this.#waiting.splice(index, 1);
    if (next === undefined) return;
    this.#begin(next.key);
    next.go();
  }
}
