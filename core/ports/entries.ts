import type { JobId } from '../ids.ts';

/** An entry as a worker gets it: nothing but the job's id, and which of its wake-ups this is. */
export interface Entry {
  readonly id: JobId;
  readonly wake: number;
  /** Fires when the queue's lock on the entry is lost: another worker may have it. */
  readonly lockLost: AbortSignal;
  /** Of the queue's lock; it is renewed every half of it. */
  readonly lockMs: number;
}

/** done: the entry goes. A delay: it comes again after that many milliseconds. */
export type EntryVerdict = 'done' | { readonly delayMs: number };

export interface Consumer {
  /** Takes no more entries; resolves when those under way have ended, or after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** The queues from which workers are woken. An entry whose worker died comes again to another once its lock has run out. */
export interface EntrySource {
  consume(
    lane: string,
    options: { readonly concurrency: number; readonly lockMs: number },
    handle: (entry: Entry) => Promise<EntryVerdict>,
  ): Promise<Consumer>;
  /** Answers canaries that come through the lane's queue with what `report` says. */
  onCanary(
    report: () => Promise<{
      readonly worker: string;
      readonly vcenter: 'ok' | 'unreachable';
      readonly vcenterFault?: string;
    }>,
  ): void;
}
