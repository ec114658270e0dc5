import type { RegistryCredentials } from '../core/ports/registry.ts';
import { type AuthorizedCall, type Authorizer, denied, realmIn, tokenRequest } from './authorizer.ts';
import { type Caller, drop } from './caller.ts';
import { basicHeader } from './credentials.ts';
import type { Endpoint } from './endpoint.ts';
import type { TokenSource } from './token-source.ts';

interface LoginParts {
  readonly caller: Caller;
  readonly authorizer: Authorizer;
  readonly tokens: TokenSource;
}

interface LoginCall {
  readonly endpoint: Endpoint;
  readonly credentials: RegistryCredentials;
  readonly signal: AbortSignal;
}

/** Asks for `/v2/` with the credentials, as the registry's challenge wants them. @returns the identity token, or nothing */
export async function login(parts: LoginParts, { endpoint, credentials, signal }: LoginCall): Promise<string> {
  const call: AuthorizedCall = {
    endpoint,
    credentials,
    signal,
    purpose: 'login',
    target: '',
    scope: '',
    subject: endpoint.name,
  };
  const challenges = await parts.authorizer.challengesOf(call);
  if (challenges === undefined) return '';
  const realm = realmIn(challenges, '');
  let identityToken = '';
  let header: string;
  if (credentials.type === 'registry-token') {
    header = `Bearer ${credentials.token}`;
  } else if (realm !== undefined) {
    const granted = await parts.tokens.login(tokenRequest(call, realm, credentials));
    identityToken = granted.identityToken;
    header = `Bearer ${granted.token}`;
  } else if (credentials.type === 'password' && challenges.some((challenge) => challenge.scheme === 'basic')) {
    header = basicHeader(credentials.username, credentials.password);
  } else {
    throw denied(call, 'it takes no such credentials');
  }
  const answer = await parts.caller.send({ ...call, authorization: header });
  await drop(answer);
  if (answer.status !== 200) throw denied(call);
  return identityToken;
}
