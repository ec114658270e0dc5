import { createHmac } from 'node:crypto';
import type { ContainerId } from '../core/ids.ts';
import type { Secret } from '../platform/secret.ts';

// What is derived of the installation's gateway key (STOWAGE_GATEWAY_KEY): nothing of it has to be kept anywhere.

/** What a container's guest proves to know; it is in the configuration of its machine. */
export function guestSecretOf(key: Secret, container: ContainerId): string {
  return derived(key, `guest:${container}`);
}

/** What api and workers show to a gateway. */
export function faceTokenOf(key: Secret): string {
  return derived(key, 'face');
}

function derived(key: Secret, what: string): string {
  return createHmac('sha256', key.reveal()).update(what).digest('hex');
}
