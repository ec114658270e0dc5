import { createServer, type Server, type Socket } from 'node:net';
import { type ContainerId, parseContainerId } from '../core/ids.ts';
import { formatListen, type ListenAddress } from '../platform/listen.ts';
import type { Logger } from '../platform/log.ts';
import { greet, type GreetingFault } from './greeting.ts';
import type { Guest } from './guest.ts';
import type { Roster } from './roster.ts';

const GREETING_MS = 10_000;
/** Connections whose guest has not said yet who it is. */
const MAX_STRANGERS = 256;
/** One line of the log for all that were refused in this time. */
const TELL_MS = 60_000;

export interface GuestListenerConfig {
  readonly listen: ListenAddress;
  readonly roster: Roster;
  readonly secretOf: (container: ContainerId) => string;
  readonly monotonicMs: () => number;
  readonly logger: Logger;
}

/** Where the hosts of the machines dial: a connection is the serial line of one guest. */
export class GuestListener {
  readonly #config: GuestListenerConfig;
  readonly #server: Server;
  readonly #lines = new Set<Socket>();
  #strangers = 0;
  #refused = 0;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(config: GuestListenerConfig) {
    this.#config = config;
    this.#server = createServer({ noDelay: true, keepAlive: true, pauseOnConnect: true }, (line) => this.#onLine(line));
  }

  /** Resolves with where it listens. */
  async listen(): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { host, port } = this.#config.listen;
    this.#server.once('error', reject).listen(port, host, resolve);
    await promise;
    const address = this.#server.address();
    return formatListen({ host, port: typeof address === 'object' && address !== null ? address.port : port });
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const line of this.#lines) line.destroy();
    await promise;
  }

  #onLine(line: Socket): void {
    this.#lines.add(line);
    line.on('error', () => undefined).on('close', () => this.#lines.delete(line));
    if (this.#strangers >= MAX_STRANGERS) return this.#refuse(line, 'too-many');
    this.#serve(line).catch((error: unknown) => {
      this.#config.logger.error({ err: error, peer: line.remoteAddress }, 'a line of a guest broke');
      line.destroy();
    });
  }

  async #serve(line: Socket): Promise<void> {
    const { roster } = this.#config;
    let guest: Guest | undefined;
    for (;;) {
      const greeted = await this.#greet(line, guest === undefined);
      if (typeof greeted === 'string') {
        this.#refuse(line, greeted);
        break;
      }
      const container = parseContainerId(greeted.container);
      if (container === undefined) break;
      guest = roster.welcome(container, greeted);
      this.#config.logger.info({ container, boot: greeted.boot, peer: line.remoteAddress }, 'a guest is there');
      try {
        if ((await guest.link.run(line, greeted)) === 'closed') break;
      } catch (thrown) {
        const error = thrown instanceof Error ? thrown : new Error(String(thrown));
        this.#config.logger.warn({ err: error, container }, 'the link to a guest failed');
        roster.failed(guest, error);
        break;
      }
    }
    line.destroy();
    if (guest !== undefined) roster.lineEnded(guest);
  }

  /** A guest that was there and does not answer may be paused: it has all the time. */
  async #greet(line: Socket, isStranger: boolean): ReturnType<typeof greet> {
    const secretOf = (id: string): string | undefined => {
      const container = parseContainerId(id);
      return container === undefined ? undefined : this.#config.secretOf(container);
    };
    if (!isStranger) return greet(line, { secretOf, deadlineMs: 0 });
    this.#strangers += 1;
    try {
      return await greet(line, { secretOf, deadlineMs: GREETING_MS });
    } finally {
      this.#strangers -= 1;
    }
  }

  #refuse(line: Socket, why: GreetingFault | 'too-many'): void {
    const peer = line.remoteAddress;
    line.destroy();
    // A host dials before its guest speaks, again and again, and may end with it.
    if (why === 'closed' || why === 'late') return;
    this.#refused += 1;
    const now = this.#config.monotonicMs();
    if (now - this.#toldMs < TELL_MS) return;
    this.#toldMs = now;
    this.#config.logger.warn({ why, peer, refused: this.#refused }, 'a connection of no guest was refused');
    this.#refused = 0;
  }
}
