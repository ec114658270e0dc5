import type { JobId } from '../ids.ts';
import type { RegistryCredentials } from './registry.ts';

// Credentials that a caller sent with a request are held in the memory of the process that took the request, as long as its job is open;
// the worker that needs them asks for them. They pass sealed for that worker alone, and are never in Redis' data.

export interface CredentialOffers {
  /** Answers workers that ask on behalf of the job, until `withdraw`. */
  offer(job: JobId, credentials: RegistryCredentials): { withdraw(): void };
}

export interface CredentialRequests {
  /** undefined: nobody offers any (none were sent, or the process that had them is gone). Resolves within a few seconds. */
  ask(job: JobId, signal: AbortSignal): Promise<RegistryCredentials | undefined>;
}
