import { createHmac } from 'node:crypto';
import type { Secret } from '../platform/secret.ts';

// Derived of the installation's gateway key (STOWAGE_GATEWAY_KEY), as the secrets of guests are: nothing of it has to be kept anywhere.

/** What api and workers show to a gateway. */
export function faceTokenOf(key: Secret): string {
  return createHmac('sha256', key.reveal()).update('face').digest('hex');
}
