import type { ContainerId } from '../core/ids.ts';
import { StowageError } from '../core/errors.ts';
import type { GuestRegister } from '../core/ports/guest-places.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { Greeted } from './greeting.ts';
import { Guest } from './guest.ts';

/** So long a guest whose line has ended may take to come back; a host that moves a machine takes a second. */
const GRACE_MS = 15_000;
const RENEW_MS = 5_000;
/** A guest that was not heard for so long is spoken to. */
const PROBE_MS = 10_000;

export interface RosterConfig {
  readonly register: GuestRegister;
  /** Names this process. */
  readonly process: string;
  /** Of its face. */
  readonly url: string;
  readonly logDir: string;
  readonly maxLogBytes: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Entered {
  readonly guest: Guest;
  readonly id: ContainerId;
  /** Runs while it has no line. */
  grace?: NodeJS.Timeout;
  /** One write at a time, and after it another one when something changed meanwhile. */
  writing: Promise<void> | undefined;
  isStale: boolean;
  isClaimed: boolean;
}

/** The guests that this gateway has, and what it tells of them in Redis. */
export class Roster {
  readonly #config: RosterConfig;
  readonly #entered = new Map<ContainerId, Entered>();
  readonly #renewals: NodeJS.Timeout;
  #links = 0;

  constructor(config: RosterConfig) {
    this.#config = config;
    this.#renewals = setInterval(() => this.#renew(), RENEW_MS);
    this.#announce();
  }

  get size(): number {
    return this.#entered.size;
  }

  find(container: ContainerId): Guest | undefined {
    return this.#entered.get(container)?.guest;
  }

  /** The guest that has just proved who it is: the one that is known, or another run of its container, which ends that. @throws what the file system does to its log */
  welcome(container: ContainerId, greeted: Greeted): Guest {
    const known = this.#entered.get(container);
    if (known !== undefined) {
      clearTimeout(known.grace);
      delete known.grace;
      if (known.guest.link.goesOnWith(greeted)) return known.guest;
      if (known.guest.boot !== greeted.boot) this.#end(known, 'the guest has started anew');
      else this.#lose(known, new StowageError('guest-unreachable', 'the guest talked to another gateway'));
    }
    const { url, logDir, maxLogBytes, clock, process } = this.#config;
    this.#links += 1;
    const guest = new Guest(
      {
        container,
        link: `${process}.${this.#links}`,
        url,
        logDir,
        maxLogBytes,
        nowMs: () => clock.nowMs(),
        monotonicMs: () => clock.monotonicMs(),
        onChange: () => this.#write(entered),
      },
      greeted,
    );
    const entered: Entered = { guest, id: container, writing: undefined, isStale: false, isClaimed: false };
    this.#entered.set(container, entered);
    this.#write(entered);
    return guest;
  }

  /** Its line has ended: it may come back, unless it is over. */
  lineEnded(guest: Guest): void {
    const entered = this.#entered.get(guest.container);
    if (entered?.guest !== guest) return;
    clearTimeout(entered.grace);
    if (guest.isOver) return this.#end(entered, 'it has exited');
    entered.grace = setTimeout(() => this.#end(entered, 'it does not come back'), GRACE_MS);
  }

  /** Its link is of no use any more; the guest may come back with another one. */
  failed(guest: Guest, reason: Error): void {
    const entered = this.#entered.get(guest.container);
    if (entered?.guest === guest) this.#lose(entered, reason);
  }

  async close(): Promise<void> {
    clearInterval(this.#renewals);
    for (const entered of this.#entered.values()) this.#lose(entered, new Error('the gateway ends'));
    await this.#config.register.withdraw(this.#config.url);
  }

  /** Another link has the guest, or will have it. */
  #lose(entered: Entered, reason: Error): void {
    this.#drop(entered);
    entered.guest.end('lost', reason);
  }

  #end(entered: Entered, reason: string): void {
    this.#drop(entered);
    entered.guest.end('over', new StowageError('guest-unreachable', `the link to the guest is over: ${reason}`));
    this.#write(entered);
  }

  #drop(entered: Entered): void {
    clearTimeout(entered.grace);
    if (this.#entered.get(entered.id) === entered) this.#entered.delete(entered.id);
  }

  #renew(): void {
    this.#announce();
    const now = this.#config.clock.monotonicMs();
    for (const entered of this.#entered.values()) {
      // Without a line it may be another gateway's by now.
      if (entered.grace === undefined) this.#write(entered);
      if (now - entered.guest.link.lastHeardMs >= PROBE_MS) entered.guest.probe();
    }
  }

  #announce(): void {
    const { register, url, logger } = this.#config;
    register.announce(url).catch((error: unknown) => logger.warn({ err: error }, 'this gateway is not announced'));
  }

  #write(entered: Entered): void {
    entered.isStale = true;
    entered.writing ??= this.#writeWhileStale(entered).finally(() => {
      entered.writing = undefined;
    });
  }

  async #writeWhileStale(entered: Entered): Promise<void> {
    const { register, logger } = this.#config;
    while (entered.isStale) {
      entered.isStale = false;
      try {
        if (!entered.isClaimed) await register.claim(entered.id, entered.guest.place);
        else if ((await register.keep(entered.id, entered.guest.place)) === 'other')
          return this.#lose(entered, new StowageError('guest-unreachable', 'another gateway has the guest'));
        entered.isClaimed = true;
      } catch (error) {
        // Said again at the next renewal.
        logger.warn({ err: error, container: entered.id }, 'a guest is not entered');
        return;
      }
    }
  }
}
