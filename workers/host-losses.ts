import { context, propagation } from '@opentelemetry/api';
import type { Logger } from 'pino';
import { asStowageError } from '../core/errors.ts';
import type { HostFacts, InventorySnapshot } from '../core/ports/data-centre.ts';
import type { RecordStore } from '../core/ports/jobs.ts';
import { readAll } from '../jobs/read-all.ts';
import type { Submit } from '../jobs/submit.ts';
import { pause } from '../platform/pause.ts';
import { inSpan } from './spans.ts';

export interface HostLossParts {
  readonly submit: Submit;
  readonly records: RecordStore;
  readonly graceMs: number;
  readonly monotonicMs: () => number;
  readonly logger: Logger;
}

/** lost -> asked: a recovery of its own has begun, after the loss. back: it answers again, what it left off is to be looked for. */
interface Loss {
  readonly name: string;
  readonly sinceMs: number;
  state: 'lost' | 'asked' | 'back';
  /** Not before. */
  nextMs: number;
}

const LOOK_MS = 200;
/** A recovery that was joined may have had its last look before the loss: asked for again, until one begins after it. */
const AGAIN_MS = 3_000;
const CHECK_MS = 10_000;

/**
 * Opens a recovery for every host that is silent for longer than the grace, and one for when it is back. Knows only what this process has
 * seen: a new leader asks again, and a recovery that finds nothing to do is soon over.
 */
export class HostLosses {
  readonly #parts: HostLossParts;
  readonly #losses = new Map<string, Loss>();

  constructor(parts: HostLossParts) {
    this.#parts = parts;
  }

  seen({ hosts }: InventorySnapshot): void {
    const now = this.#parts.monotonicMs();
    for (const host of hosts) this.#seeHost(host, now);
    const refs = new Set<string>(hosts.map(({ ref }) => ref));
    for (const ref of this.#losses.keys()) if (!refs.has(ref)) this.#losses.delete(ref);
  }

  #seeHost({ ref, name, connection }: HostFacts, now: number): void {
    const known = this.#losses.get(ref);
    if (connection === 'connected') {
      if (known !== undefined && known.state !== 'back')
        this.#losses.set(ref, { name, sinceMs: now, state: 'back', nextMs: now });
    } else if (known === undefined || known.state === 'back') {
      this.#losses.set(ref, { name, sinceMs: now, state: 'lost', nextMs: now + this.#parts.graceMs });
    }
  }

  /** Until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const now = this.#parts.monotonicMs();
      const due = [...this.#losses].filter(([, loss]) => loss.nextMs <= now);
      for (const [ref, loss] of due) await this.#ask(ref, loss);
      await pause(LOOK_MS, signal);
    }
  }

  async #ask(ref: string, loss: Loss): Promise<void> {
    const { submit, logger, monotonicMs } = this.#parts;
    const payload = { host: loss.name };
    loss.nextMs = monotonicMs() + (loss.state === 'asked' ? CHECK_MS : AGAIN_MS);
    try {
      if (loss.state === 'asked' && !(await this.#hasLeftSome(ref))) return;
      const outcome = await inSpan('host lost', { 'stowage.host': loss.name, 'stowage.loss': loss.state }, async () =>
        submit('host.recover', payload, { actor: 'watcher', role: 'operator', ...traceOfThis() }),
      );
      logger.warn({ host: loss.name, job: outcome.id, outcome: outcome.outcome, loss: loss.state }, 'host recovery');
      if (outcome.outcome === 'joined') return;
      if (loss.state === 'back') this.#forget(ref, loss);
      else loss.state = 'asked';
    } catch (thrown) {
      logger.warn({ err: asStowageError(thrown), host: loss.name }, 'a recovery was not opened; trying again');
    }
  }

  /** It was back and was lost again while vCenter was not watched, or a container came to it: its records say so. */
  async #hasLeftSome(ref: string): Promise<boolean> {
    const all = await readAll(this.#parts, 'container');
    return all.some(
      ({ record: { state, machine } }) => machine?.host === ref && (state === 'running' || state === 'paused'),
    );
  }

  #forget(ref: string, loss: Loss): void {
    if (this.#losses.get(ref) === loss) this.#losses.delete(ref);
  }
}

/** The whole recovery is one trace, which begins here. */
function traceOfThis(): { readonly traceparent?: string } {
  const carrier: { traceparent?: string } = {};
  propagation.inject(context.active(), carrier);
  return carrier;
}
