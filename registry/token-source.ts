import { z } from 'zod';
import { StowageError } from '../core/errors.ts';
import type { RegistryCredentials } from '../core/ports/registry.ts';
import type { Clock } from '../platform/clock.ts';
import { type Answer, type Call, type Caller, drop, readAll } from './caller.ts';
import { basicHeader, identityOf, parseJson } from './credentials.ts';
import type { Endpoint } from './endpoint.ts';

// Tokens as distribution has them: docs/spec/auth/token.md (GET) and oauth.md (POST with a refresh token).

export interface TokenRequest {
  readonly endpoint: Endpoint;
  readonly realm: URL;
  readonly service: string;
  /** Space-separated; empty for a login. */
  readonly scope: string;
  readonly credentials: RegistryCredentials | undefined;
  /** For errors. */
  readonly denied: (reason?: string) => StowageError;
  readonly signal: AbortSignal;
}

const TokenAnswer = z.object({
  token: z.string().optional(),
  access_token: z.string().optional(),
  refresh_token: z.string().optional(),
  expires_in: z.number().optional(),
});

interface Token {
  readonly text: string;
  readonly staleAtMs: number;
}

interface Grant {
  readonly token: Token;
  readonly refreshToken: string;
}

const CLIENT_ID = 'stowage';
const DEFAULT_LIFE_MS = 60_000;
const AHEAD_MS = 10_000;
const MAX_TOKENS = 1_000;
const MAX_ANSWER_BYTES = 1_048_576;

/** Gets bearer tokens, and keeps them while they are good. */
export class TokenSource {
  readonly #caller: Caller;
  readonly #clock: Clock;
  readonly #tokens = new Map<string, Token>();

  constructor(caller: Caller, clock: Clock) {
    this.#caller = caller;
    this.#clock = clock;
  }

  cached(request: TokenRequest): string | undefined {
    const token = this.#tokens.get(keyOf(request));
    return token !== undefined && token.staleAtMs > this.#clock.monotonicMs() ? token.text : undefined;
  }

  forget(request: TokenRequest): void {
    this.#tokens.delete(keyOf(request));
  }

  /** @throws `registry-denied`, and as `Caller.send` */
  async fetch(request: TokenRequest): Promise<string> {
    const { credentials } = request;
    const { token } =
      credentials?.type === 'identity-token'
        ? await this.#post(request, { grant_type: 'refresh_token', refresh_token: credentials.token })
        : await this.#get(request, {});
    this.#keep(keyOf(request), token);
    return token.text;
  }

  /** A token for nothing but being known, and an identity token where the server gives one. */
  async login(request: TokenRequest): Promise<{ readonly token: string; readonly identityToken: string }> {
    const { credentials } = request;
    if (credentials?.type === 'identity-token') {
      const grant = await this.#post(request, { grant_type: 'refresh_token', refresh_token: credentials.token });
      return { token: grant.token.text, identityToken: grant.refreshToken || credentials.token };
    }
    const grant = await this.#get(request, { offline_token: 'true' });
    const identityToken = grant.refreshToken || (await this.#offlineToken(request));
    return { token: grant.token.text, identityToken };
  }

  /** By now the credentials are known to be good: a server that does not take the POST, whatever it says, just has no OAuth2. */
  async #offlineToken(request: TokenRequest): Promise<string> {
    const { credentials, signal } = request;
    if (credentials?.type !== 'password') return '';
    const { username, password } = credentials;
    try {
      const fields = { grant_type: 'password', access_type: 'offline', username, password };
      return (await this.#post(request, fields)).refreshToken;
    } catch (error) {
      if (signal.aborted || !(error instanceof StowageError)) throw error;
      return '';
    }
  }

  #get(request: TokenRequest, extra: Readonly<Record<string, string>>): Promise<Grant> {
    const { credentials, realm, service, scope } = request;
    const url = new URL(realm);
    const isNamed = credentials?.type === 'password';
    const fields = { client_id: CLIENT_ID, service, ...extra, ...(isNamed ? { account: credentials.username } : {}) };
    for (const [name, value] of Object.entries(fields)) if (value !== '') url.searchParams.set(name, value);
    for (const each of scope.split(' ')) if (each !== '') url.searchParams.append('scope', each);
    const authorization = isNamed ? basicHeader(credentials.username, credentials.password) : undefined;
    return this.#ask(request, { ...callOf(request), target: url, authorization });
  }

  #post(request: TokenRequest, fields: Readonly<Record<string, string>>): Promise<Grant> {
    const { realm, service, scope } = request;
    const body = new URLSearchParams({ client_id: CLIENT_ID, service, scope, ...fields }).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return this.#ask(request, { ...callOf(request), target: realm, method: 'POST', headers, body });
  }

  async #ask(request: TokenRequest, call: Call): Promise<Grant> {
    if (!request.endpoint.isInsecure && request.realm.protocol !== 'https:') {
      const message = `${request.endpoint.name} wants credentials to be sent to ${request.realm.host} by plain HTTP`;
      throw new StowageError('registry-untrusted', message);
    }
    const answer = await this.#caller.send(call);
    if (answer.status !== 200) {
      await drop(answer);
      throw refusal(request, answer);
    }
    const text = (await readAll(answer, MAX_ANSWER_BYTES, call)).toString('utf8');
    const parsed = TokenAnswer.safeParse(parseJson(text));
    const token = parsed.data?.token || parsed.data?.access_token || '';
    // Neither JSON's nor zod's error goes along: they may quote the token.
    if (token === '' || /[^\x21-\x7e]/.test(token)) {
      const message = `the token server ${request.realm.host} of ${request.endpoint.name} gave no token`;
      throw new StowageError('registry-failed', message);
    }
    const lifeMs = (parsed.data?.expires_in ?? 0) * 1_000 || DEFAULT_LIFE_MS;
    const staleAtMs = this.#clock.monotonicMs() + lifeMs - AHEAD_MS;
    return { token: { text: token, staleAtMs }, refreshToken: parsed.data?.refresh_token ?? '' };
  }

  #keep(key: string, token: Token): void {
    this.#tokens.delete(key);
    this.#tokens.set(key, token);
    const [oldest] = this.#tokens.keys();
    if (this.#tokens.size > MAX_TOKENS && oldest !== undefined) this.#tokens.delete(oldest);
  }
}

function callOf({ endpoint, signal }: TokenRequest): Pick<Call, 'endpoint' | 'signal' | 'purpose'> {
  return { endpoint, signal, purpose: 'token' };
}

function keyOf({ realm, service, scope, credentials }: TokenRequest): string {
  return JSON.stringify([realm.href, service, scope, identityOf(credentials)]);
}

function refusal(request: TokenRequest, answer: Answer): StowageError {
  const isRefusal = [400, 401, 403, 404].includes(answer.status);
  if (isRefusal) return request.denied(`its token server ${request.realm.host} refused (${answer.status})`);
  const message = `the token server ${request.realm.host} of ${request.endpoint.name} answered ${answer.status}`;
  return new StowageError('registry-failed', message);
}
