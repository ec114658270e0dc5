import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type KoaContext, Provider } from 'oidc-provider';

/** What the provider says of whoever signs in; `sub` names the account. */
export type Claims = Readonly<Record<string, unknown>> & { readonly sub: string };

/** A certified provider of OpenID Connect on this machine, at which nobody has to type: it signs in whom a test names. */
export interface TestProvider {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Who is sitting before the browser from now on; undefined: somebody who goes away. */
  person: Claims | undefined;
  /** Whether the claims are in the ID token, or are to be fetched. */
  inToken: boolean;
  close(): Promise<void>;
}

const CLIENT = { id: 'stowage', secret: 'secret-of-the-test-client' };

/** @param redirectUris where it may send browsers back to */
export async function startOidcProvider(redirectUris: readonly string[]): Promise<TestProvider> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const issuer = `http://127.0.0.1:${port}`;
  const known = new Map<string, Claims>();
  const provider = new Provider(issuer, configuration(redirectUris, { known, inToken: () => handle.inToken }));
  const serve = provider.callback();
  const handle: TestProvider = {
    issuer,
    clientId: CLIENT.id,
    clientSecret: CLIENT.secret,
    person: undefined,
    inToken: true,
    close: async () => {
      server.closeAllConnections();
      await closed(server);
    },
  };
  server.on('request', (request, response) => {
    if (!request.url?.startsWith('/interaction/')) {
      serve(request, response);
      return;
    }
    const { person } = handle;
    if (person !== undefined) known.set(person.sub, person);
    const result =
      person === undefined
        ? { error: 'access_denied', error_description: 'they went away' }
        : { login: { accountId: person.sub, remember: false } };
    void provider.interactionFinished(request, response, result);
  });
  return handle;
}

function configuration(
  redirectUris: readonly string[],
  { known, inToken }: { readonly known: ReadonlyMap<string, Claims>; readonly inToken: () => boolean },
): Readonly<Record<string, unknown>> {
  return {
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: redirectUris,
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    cookies: { keys: ['a key of this test alone'] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context: unknown, { uid }: { readonly uid: string }) => `/interaction/${uid}` },
    pkce: { required: () => true },
    conformIdTokenClaims: false,
    scopes: ['openid', 'profile', 'email'],
    claims: {
      openid: ['sub'],
      profile: ['preferred_username', 'groups', 'realm_access'],
      email: ['email', 'email_verified'],
    },
    findAccount: (_context: unknown, sub: string) => ({
      accountId: sub,
      claims: async (use: string) => (use === 'id_token' && !inToken() ? { sub } : known.get(sub)),
    }),
    // Nobody is asked for consent.
    loadExistingGrant: async ({ oidc }: KoaContext) => {
      const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
      grant.addOIDCScope('openid profile email');
      await grant.save();
      return grant;
    },
  };
}

async function closed(server: Server): Promise<void> {
  const end = once(server, 'close');
  server.close();
  await end;
}
