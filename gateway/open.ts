import { metrics } from '@opentelemetry/api';
import type { GuestRegister } from '../core/ports/guest-places.ts';
import type { Clock } from '../platform/clock.ts';
import type { GatewayConfig } from '../platform/config.ts';
import type { ListenAddress } from '../platform/listen.ts';
import type { Logger } from '../platform/log.ts';
import { Face } from './face.ts';
import { GuestListener } from './guest-listener.ts';
import { Roster } from './roster.ts';
import { guestSecretOf } from '../core/guest.ts';
import { faceTokenOf } from './secrets.ts';

export interface GatewayParts {
  readonly config: GatewayConfig;
  /** For guests. */
  readonly listen: ListenAddress;
  /** For api and workers. */
  readonly faceListen: ListenAddress;
  readonly register: GuestRegister;
  /** Names this process, and no other that ever was. */
  readonly process: string;
  readonly metricsText: () => Promise<string>;
  readonly ready: () => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Gateway {
  readonly guestAddress: string;
  readonly faceUrl: string;
  close(): Promise<void>;
}

/** One gateway process: the face first, so that what is entered of a guest can be used at once. */
export async function openGateway(parts: GatewayParts): Promise<Gateway> {
  const { config, listen, faceListen, register, process, metricsText, ready, clock, logger } = parts;
  let roster: Roster | undefined;
  const face = new Face({
    listen: faceListen,
    find: (container) => roster?.find(container),
    token: faceTokenOf(config.key),
    logDir: config.dir,
    metricsText,
    ready,
    logger,
  });
  const address = await face.listen();
  const faceUrl = config.faceUrl ?? `http://${address}`;
  roster = new Roster({
    register,
    process,
    url: faceUrl,
    logDir: config.dir,
    maxLogBytes: config.maxLogBytes,
    clock,
    logger,
  });
  const taken = roster;
  metrics
    .getMeter('stowage')
    .createObservableGauge('stowage_guests', { description: 'Guests that this gateway has' })
    .addCallback((result) => result.observe(taken.size));
  const guests = new GuestListener({
    listen,
    roster,
    secretOf: (container) => guestSecretOf(config.key.reveal(), container),
    monotonicMs: () => clock.monotonicMs(),
    logger,
  });
  const guestAddress = await guests.listen();
  return {
    guestAddress,
    faceUrl,
    async close() {
      await guests.close();
      await taken.close();
      await face.close();
    },
  };
}
