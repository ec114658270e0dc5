import type { Role } from '../session/session.ts';
import type { IconName } from '../ui/icon.tsx';

/** A place of the navigation. */
export interface Place {
  readonly href: string;
  readonly title: string;
  readonly icon: IconName;
  /** After `g`. */
  readonly key: string;
  /** Who has any business there. */
  readonly needs?: Role;
}

export const PLACES: readonly (readonly Place[])[] = [
  [
    { href: '/console/', title: 'Overview', icon: 'overview', key: 'o' },
    { href: '/console/jobs', title: 'Jobs', icon: 'jobs', key: 'j' },
    { href: '/console/dead-letters', title: 'Dead letters', icon: 'dead', key: 'd' },
  ],
  [
    { href: '/console/containers', title: 'Containers', icon: 'container', key: 'c' },
    { href: '/console/volumes', title: 'Volumes', icon: 'volume', key: 'v' },
    { href: '/console/images', title: 'Images', icon: 'image', key: 'i' },
    { href: '/console/hosts', title: 'Hosts', icon: 'host', key: 'h' },
  ],
  [
    { href: '/console/events', title: 'Events', icon: 'event', key: 'e' },
    { href: '/console/webhooks', title: 'Webhooks', icon: 'webhook', key: 'w' },
    { href: '/console/keys', title: 'Keys', icon: 'key', key: 'k', needs: 'admin' },
    { href: '/console/audit', title: 'Audit', icon: 'audit', key: 'a', needs: 'admin' },
  ],
];

/** Pages of others, on the same server. */
export const BEYOND: readonly { readonly href: string; readonly title: string; readonly needs?: Role }[] = [
  { href: '/docs/', title: 'HTTP API' },
  { href: '/queues/', title: 'Raw queues', needs: 'admin' },
];
