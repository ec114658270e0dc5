import { StowageError } from '../core/errors.ts';
import type { RegistryCredentials } from '../core/ports/registry.ts';
import { type Answer, type Call, type Caller, drop } from './caller.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { basicHeader, type AuthFileReader } from './credentials.ts';
import type { Endpoint } from './endpoint.ts';
import type { TokenRequest, TokenSource } from './token-source.ts';

export interface AuthorizedCall extends Call {
  /** What the caller brought. It is for the registry itself, never for a mirror. */
  readonly credentials: RegistryCredentials | undefined;
  /** Asked for where the challenge names none. */
  readonly scope: string;
  /** What it is about, for errors: `team/app`. */
  readonly subject: string;
}

/** Where the tokens of a scope come from, as the endpoint said last. */
interface Realm {
  readonly url: URL;
  readonly service: string;
  readonly scope: string;
}

type Plan = { readonly header: string; readonly wasKept: boolean; readonly token?: TokenRequest } | undefined;

const MAX_REALMS = 1_000;

/** Requests with whatever authentication the registry asks for. */
export class Authorizer {
  readonly #caller: Caller;
  readonly #tokens: TokenSource;
  readonly #authFile: AuthFileReader;
  readonly #realms = new Map<string, Realm>();

  constructor(caller: Caller, tokens: TokenSource, authFile: AuthFileReader) {
    this.#caller = caller;
    this.#tokens = tokens;
    this.#authFile = authFile;
  }

  /** An answer that is neither 401 nor 403. @throws `registry-denied`, and as `Caller.send` */
  async send(call: AuthorizedCall): Promise<Answer> {
    const credentials = await this.credentialsFor(call.endpoint, call.credentials);
    let plan = this.#remembered(call, credentials);
    for (;;) {
      const answer = await this.#caller.send({ ...call, authorization: plan?.header });
      const { status, headers } = answer;
      if (status !== 401 && status !== 403) return answer;
      await drop(answer);
      // The storage behind the registry: its refusal says nothing of whoever asks.
      if (answer.isRedirected) throw storageRefusal(call, answer);
      const challenges = parseChallenges(headers['www-authenticate']);
      const isOver = status === 403 || (plan !== undefined && !plan.wasKept) || credentials?.type === 'registry-token';
      if (isOver || isInsufficient(challenges, plan)) throw denied(call);
      if (plan?.token !== undefined) this.#tokens.forget(plan.token);
      plan = await this.#answerTo(challenges, call, credentials);
    }
  }

  /** @returns the challenges, and none where the endpoint takes anybody */
  async challengesOf(call: AuthorizedCall): Promise<readonly Challenge[] | undefined> {
    const answer = await this.#caller.send(call);
    await drop(answer);
    if (answer.status === 401) return parseChallenges(answer.headers['www-authenticate']);
    if (answer.status === 200) return undefined;
    if (answer.status === 403) throw denied(call);
    const message = `${call.endpoint.name} is not a registry of the v2 API: it answered ${answer.status}`;
    throw new StowageError('registry-failed', message);
  }

  async credentialsFor(
    endpoint: Endpoint,
    brought: RegistryCredentials | undefined,
  ): Promise<RegistryCredentials | undefined> {
    if (brought !== undefined && !endpoint.isMirror) return brought;
    return this.#authFile.find(endpoint.authKeys);
  }

  /** What to show at once, so that not every request is refused first. */
  #remembered(call: AuthorizedCall, credentials: RegistryCredentials | undefined): Plan {
    if (credentials?.type === 'registry-token') return { header: `Bearer ${credentials.token}`, wasKept: false };
    const realm = this.#realms.get(realmKey(call));
    if (realm === undefined) return undefined;
    const token = tokenRequest(call, realm, credentials);
    const kept = this.#tokens.cached(token);
    return kept === undefined ? undefined : { header: `Bearer ${kept}`, wasKept: true, token };
  }

  async #answerTo(
    challenges: readonly Challenge[],
    call: AuthorizedCall,
    credentials: RegistryCredentials | undefined,
  ): Promise<Plan> {
    const realm = realmIn(challenges, call.scope);
    if (realm !== undefined) {
      this.#remember(realmKey(call), realm);
      const token = tokenRequest(call, realm, credentials);
      return { header: `Bearer ${await this.#tokens.fetch(token)}`, wasKept: false, token };
    }
    const isBasic = challenges.some((challenge) => challenge.scheme === 'basic');
    if (!isBasic || credentials?.type !== 'password') throw denied(call);
    return { header: basicHeader(credentials.username, credentials.password), wasKept: false };
  }

  #remember(key: string, realm: Realm): void {
    this.#realms.delete(key);
    this.#realms.set(key, realm);
    const [oldest] = this.#realms.keys();
    if (this.#realms.size > MAX_REALMS && oldest !== undefined) this.#realms.delete(oldest);
  }
}

/** The token server that the challenges name, if they do. */
export function realmIn(challenges: readonly Challenge[], scope: string): Realm | undefined {
  for (const { scheme, parameters } of challenges) {
    const url = scheme === 'bearer' ? URL.parse(parameters.get('realm') ?? '') : null;
    if (url === null || !['http:', 'https:'].includes(url.protocol)) continue;
    return { url, service: parameters.get('service') ?? '', scope: parameters.get('scope') || scope };
  }
  return undefined;
}

export function tokenRequest(
  call: AuthorizedCall,
  realm: Realm,
  credentials: RegistryCredentials | undefined,
): TokenRequest {
  const { endpoint, signal } = call;
  const { url, service, scope } = realm;
  return { endpoint, realm: url, service, scope, credentials, signal, denied: (reason) => denied(call, reason) };
}

/** A token that the registry knows and that does not suffice: another one of the same would not either. */
function isInsufficient(challenges: readonly Challenge[], plan: Plan): boolean {
  return (
    plan !== undefined && challenges.some((challenge) => challenge.parameters.get('error') === 'insufficient_scope')
  );
}

function realmKey({ endpoint, scope }: AuthorizedCall): string {
  return JSON.stringify([endpoint.bases[0].href, scope]);
}

export function denied(call: AuthorizedCall, reason?: string): StowageError {
  const { endpoint, subject, purpose } = call;
  const why = reason === undefined ? '' : ` (${reason})`;
  if (purpose === 'login') {
    return new StowageError('registry-denied', `${endpoint.name}: unauthorized: incorrect username or password${why}`);
  }
  const where = endpoint.isMirror ? ` on the mirror ${endpoint.name}` : '';
  const message = `pull access denied for ${subject}${where}, repository does not exist or may require 'docker login'${why}`;
  return new StowageError('registry-denied', message);
}

function storageRefusal({ endpoint }: AuthorizedCall, { status, url }: Answer): StowageError {
  return new StowageError('registry-failed', `${url.host}, where ${endpoint.name} redirects to, answered ${status}`);
}
