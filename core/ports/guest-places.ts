import type { GuestState } from '../guest.ts';
import type { ContainerId } from '../ids.ts';

/** Where a container's guest is to be found, and how it stands. */
export interface GuestPlace {
  /** Of the gateway's internal face. */
  readonly url: string;
  /** The link; another one after another gateway took over. */
  readonly link: string;
  /** New with every start of the guest. */
  readonly boot: string;
  /** As it said last; absent until it has said something. */
  readonly state?: GuestState;
  /** Nothing will come of this boot any more. */
  readonly isOver: boolean;
}

/** Looked up by api and workers. Errors: `redis-unavailable`. */
export interface GuestPlaces {
  /** undefined: no gateway has heard of it lately. That of a boot that is over is kept for some minutes. */
  find(container: ContainerId): Promise<GuestPlace | undefined>;
  /** The faces of all gateways that live; any of them reads the logs of guests that are off. */
  gateways(): Promise<readonly string[]>;
}

/** Kept by gateways. Each may be repeated. */
export interface GuestRegister {
  /** A guest has come: whatever was known of it is replaced. */
  claim(container: ContainerId, place: GuestPlace): Promise<void>;
  /** Renews it, and says how it stands; `other`: another link has claimed it since. */
  keep(container: ContainerId, place: GuestPlace): Promise<'kept' | 'other'>;
  /** This gateway lives; good for a quarter of a minute. */
  announce(url: string): Promise<void>;
  withdraw(url: string): Promise<void>;
}
