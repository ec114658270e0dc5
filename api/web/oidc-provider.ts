import * as client from 'openid-client';
import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import type { Role } from '../../core/ports/jobs.ts';
import type { Clock, RandomBytes } from '../../platform/clock.ts';
import type { OidcConfig } from '../../platform/oidc-settings.ts';
import { createSeal } from './seal.ts';

export interface Person {
  readonly issuer: string;
  readonly subject: string;
  readonly name: string;
  readonly role: Role;
}

/** An OpenID Connect provider. */
export interface OidcProvider {
  readonly name: string;
  /**
   * Where to lead the browser, and the ticket that it must bring back within ten minutes. Nothing is kept here: what anybody may begin
   * must not fill a memory.
   *
   * @throws `oidc-unreachable`
   */
  begin(returnTo: string): Promise<{ readonly url: string; readonly ticket: string }>;
  /**
   * Exchanges what the provider sent the browser back with.
   *
   * @param query of that request
   * @throws `sign-in-expired`, `oidc-refused`, `oidc-role-missing`, `oidc-unreachable`
   */
  finish(query: string, ticket: string): Promise<{ readonly person: Person; readonly returnTo: string }>;
}

export const CALLBACK = '/auth/oidc/callback';
export const TICKET_MS = 600_000;
const TIMEOUT_S = 10;
const CHANCE_BYTES = 32;
const LONGEST_NAME = 100;

const ticketText = z.object({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  returnTo: z.string(),
  untilMs: z.number(),
});
type Ticket = z.infer<typeof ticketText>;

export function createOidcProvider(
  config: OidcConfig,
  { clock, randomBytes }: { readonly clock: Clock; readonly randomBytes: RandomBytes },
): OidcProvider {
  const redirectUri = `${config.publicUrl}${CALLBACK}`;
  const seal = createSeal(config.clientSecret.reveal(), 'stowage sign-in ticket', randomBytes);
  const chance = (): string => Buffer.from(randomBytes(CHANCE_BYTES)).toString('base64url');
  const discover = createDiscovery(config);
  return {
    name: config.name,
    async begin(returnTo) {
      const untilMs = clock.nowMs() + TICKET_MS;
      const ticket: Ticket = { state: chance(), nonce: chance(), verifier: chance(), returnTo, untilMs };
      const url = client.buildAuthorizationUrl(await discover(), {
        redirect_uri: redirectUri,
        scope: config.scope,
        state: ticket.state,
        nonce: ticket.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(ticket.verifier),
        code_challenge_method: 'S256',
      });
      return { url: url.href, ticket: seal.seal(ticket) };
    },
    async finish(query, text) {
      const { data: ticket } = ticketText.safeParse(seal.open(text));
      if (ticket === undefined || clock.nowMs() > ticket.untilMs)
        throw new StowageError('sign-in-expired', 'this sign-in was not begun here, or too long ago');
      const provider = await discover();
      const callback = new URL(`${redirectUri}?${query}`);
      const claims = await claimsFor(provider, { callback, ticket, roleClaim: config.roleClaim });
      return { person: personOf(claims, config), returnTo: ticket.returnTo };
    },
  };
}

/** The provider is asked about itself at the first sign-in, and again where it did not answer: the api starts without it. */
function createDiscovery(config: OidcConfig): () => Promise<client.Configuration> {
  let known: Promise<client.Configuration> | undefined;
  return async () => {
    known ??= discoverProvider(config);
    try {
      return await known;
    } catch (error) {
      known = undefined;
      throw translate(error);
    }
  };
}

async function discoverProvider({ issuer, clientId, clientSecret }: OidcConfig): Promise<client.Configuration> {
  // The settings let only a provider on this machine be one without TLS.
  const execute = issuer.startsWith('http:') ? [client.allowInsecureRequests] : [];
  return await client.discovery(new URL(issuer), clientId, clientSecret.reveal(), undefined, {
    execute,
    timeout: TIMEOUT_S,
  });
}

type Claims = Readonly<Record<string, unknown>> & { readonly iss: string; readonly sub: string };

async function claimsFor(
  provider: client.Configuration,
  sent: { readonly callback: URL; readonly ticket: Ticket; readonly roleClaim: string },
): Promise<Claims> {
  try {
    const tokens = await client.authorizationCodeGrant(provider, sent.callback, {
      expectedState: sent.ticket.state,
      expectedNonce: sent.ticket.nonce,
      pkceCodeVerifier: sent.ticket.verifier,
      idTokenExpected: true,
    });
    const claims = tokens.claims();
    if (claims === undefined) throw new StowageError('oidc-refused', 'the provider sent no ID token');
    // Providers keep groups out of the token where they would make it too large.
    const isThere = valueOf(claims, sent.roleClaim) !== undefined;
    if (isThere || provider.serverMetadata().userinfo_endpoint === undefined) return claims;
    return { ...(await client.fetchUserInfo(provider, tokens.access_token, claims.sub)), ...claims };
  } catch (error) {
    throw translate(error);
  }
}

function personOf(claims: Claims, config: OidcConfig): Person {
  const name = nameOf(claims, config.userClaim);
  const has = valuesOf(valueOf(claims, config.roleClaim));
  const found = config.roles.find(({ values }) => values.some((value) => has.includes(value)));
  if (found === undefined) throw new StowageError('oidc-role-missing', `there is no role here for ${name}`);
  return { issuer: claims.iss, subject: claims.sub, name, role: found.role };
}

function nameOf(claims: Claims, userClaim: string): string {
  const email = claims['email_verified'] === true ? claims['email'] : undefined;
  const names = [valueOf(claims, userClaim), email, claims.sub];
  const name = names.find((each) => typeof each === 'string' && each.trim() !== '');
  // It goes into logs and lists: nothing in it may look like more than one line of text.
  return String(name)
    .replaceAll(/[\p{C}\p{Z}]+/gu, ' ')
    .trim()
    .slice(0, LONGEST_NAME);
}

/** A claim by its name, or by a path into objects where no claim has that name. */
function valueOf(claims: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[part];
  }
  return value;
}

function valuesOf(value: unknown): readonly string[] {
  return [value].flat().filter((each) => typeof each === 'string');
}

/** Of an answer of the provider its error code is told, its sentences are not: anybody can send a browser here with some of his own. */
function translate(error: unknown): StowageError {
  if (error instanceof StowageError) return error;
  const cause = { cause: error };
  if (error instanceof client.AuthorizationResponseError || error instanceof client.ResponseBodyError)
    return new StowageError('oidc-refused', `the provider answered ${codeOf(error.error)}`, cause);
  const code = error instanceof client.ClientError ? (error.code ?? '') : '';
  if (!(error instanceof client.ClientError) || UNREACHABLE.has(code))
    return new StowageError('oidc-unreachable', 'the provider does not answer as one', {
      ...cause,
      retryAfterMs: 5_000,
    });
  return new StowageError('oidc-refused', `what the provider sent does not hold: ${error.message}`, cause);
}

const UNREACHABLE: ReadonlySet<string> = new Set([
  'OAUTH_TIMEOUT',
  'OAUTH_ABORT',
  'OAUTH_RESPONSE_IS_NOT_CONFORM',
  'OAUTH_RESPONSE_IS_NOT_JSON',
  'OAUTH_PARSE_ERROR',
]);

function codeOf(error: string): string {
  return /^[a-z_]{1,60}$/.test(error) ? error : 'an error';
}
