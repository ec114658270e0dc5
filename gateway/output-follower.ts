import type { IncomingMessage } from 'node:http';
import type { OutputRecord } from '../core/guest.ts';
import { bootOf, ENTRY_KINDS, EntryDecoder } from './log-entry.ts';

/** Where in the output of all runs a reader is. */
export interface OutputPlace {
  readonly boot: string;
  readonly offset: number;
}

/** Turns what gateways send into records, one after another; when one goes away, another begins where that was. */
export class OutputFollower {
  #place: OutputPlace | undefined;

  /** Something was read. */
  hasBegun = false;

  get place(): OutputPlace | undefined {
    return this.#place;
  }

  /** Ends when the gateway says that it is the end. @throws what the connection throws */
  async *read(answer: IncomingMessage): AsyncGenerator<OutputRecord, void> {
    const decoder = new EntryDecoder();
    for await (const piece of answer as AsyncIterable<Buffer>) {
      for (const entry of decoder.feed(piece)) {
        if (entry.kind === ENTRY_KINDS.boot) {
          const boot = bootOf(entry);
          if (boot !== this.#place?.boot) this.#place = { boot, offset: entry.offset };
          continue;
        }
        const { boot, offset } = this.#place ?? { boot: '', offset: 0 };
        const known = Math.max(0, offset - entry.offset);
        if (known >= entry.payload.length) continue;
        this.#place = { boot, offset: entry.offset + entry.payload.length };
        this.hasBegun = true;
        yield {
          stream: entry.kind === ENTRY_KINDS.stderr ? 'stderr' : 'stdout',
          timeNs: entry.timeNs,
          bytes: entry.payload.subarray(known),
        };
      }
    }
  }
}
