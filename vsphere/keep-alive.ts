import { moref } from '../core/ids.ts';
import type { VimCaller } from './caller.ts';

/** vCenter ends sessions that are idle for 30 minutes; so often it hears of us. */
const INTERVAL_MS = 10 * 60_000;

/** Keeps an open session from idling out. One that is lost anyway is made again by the next call that needs it. */
export class KeepAlive {
  readonly #timer: NodeJS.Timeout;

  constructor(caller: VimCaller) {
    this.#timer = setInterval(() => {
      const { session } = caller;
      if (!session.isOpen) return;
      // A vCenter that is away is found out by those who need it.
      caller.read('CurrentTime', moref('ServiceInstance', 'ServiceInstance'), {}).catch(() => undefined);
    }, INTERVAL_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
