import { type Meter, metrics, type ObservableResult } from '@opentelemetry/api';

/** What a worker tells of its own work: how many jobs it runs, when it last took one or was done with one, and whether it leads. */
export class Turns {
  readonly #nowMs: () => number;
  readonly #slots: number;
  #running = 0;
  #lastMs: number;
  #isLeading = false;

  /** @param slots how many jobs it could run at once */
  constructor(nowMs: () => number, slots: number) {
    this.#nowMs = nowMs;
    this.#slots = slots;
    this.#lastMs = nowMs();
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#running += 1;
    this.#lastMs = this.#nowMs();
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#lastMs = this.#nowMs();
    }
  }

  async leading<T>(term: () => Promise<T>): Promise<T> {
    this.#isLeading = true;
    try {
      return await term();
    } finally {
      this.#isLeading = false;
    }
  }

  /** Tells all of it with this process's metrics. Returns the way to stop. */
  tell(meter: Meter = metrics.getMeter('stowage')): () => void {
    const gauges: readonly (readonly [name: string, description: string, valueOf: () => number])[] = [
      ['stowage_worker_running', 'Jobs that this worker runs', () => this.#running],
      ['stowage_worker_slots', 'Jobs that this worker could run at once', () => this.#slots],
      ['stowage_worker_leading', 'Whether this worker leads', () => (this.#isLeading ? 1 : 0)],
      [
        'stowage_worker_last_turn_timestamp_seconds',
        'When this worker last took a job or was done with one; before the first, when it started',
        () => this.#lastMs / 1_000,
      ],
    ];
    const stops = gauges.map(([name, description, valueOf]) => {
      const made = meter.createObservableGauge(name, { description });
      const observe = (result: ObservableResult): void => result.observe(valueOf());
      made.addCallback(observe);
      return () => made.removeCallback(observe);
    });
    return () => {
      for (const stop of stops) stop();
    };
  }
}
