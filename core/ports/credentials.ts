import type { RegistryCredentials } from './registry.ts';

// Credentials that a caller sent with a request are held in the memory of the process that took the request, as long as its job is open;
// the job carries only a ticket, with which its worker asks for them. They pass sealed for that worker alone, and never lie in Redis.

export interface CredentialOffers {
  /** Answers workers that ask with the ticket, until it is withdrawn. Offer before the job is submitted. */
  offer(credentials: RegistryCredentials): { readonly ticket: string; withdraw(): void };
}

export interface CredentialRequests {
  /** @throws `credentials-gone` when nobody answers within a few seconds: the process that had them is gone */
  ask(ticket: string, signal: AbortSignal): Promise<RegistryCredentials>;
}
