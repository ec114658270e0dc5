import { execFile } from 'node:child_process';
import { createPrivateKey, type KeyObject, randomUUID, sign, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import type { Clock } from '../platform/clock.ts';
import type { ListenAddress } from '../platform/listen.ts';
import { baseUrl } from './ready.ts';

export interface TokenServerSettings {
  /** Receives its key and certificate. */
  readonly dir: string;
  readonly users: readonly TokenUser[];
  readonly clock: Clock;
  /** Until the registry refuses a token. Default: 300. */
  readonly ttlS?: number;
  /** What callers are told of that time, where it is not true. Default: `ttlS`. */
  readonly statedTtlS?: number;
  /** Default: a free port of 127.0.0.1. */
  readonly listen?: ListenAddress;
}

export interface TokenUser {
  readonly name: string;
  readonly password: string;
  /** What the user may do with every repository. Default: both. */
  readonly actions?: readonly ('pull' | 'push')[];
}

/** One token that was given. */
export interface IssuedToken {
  /** Absent for somebody who did not say who they are. */
  readonly user?: string;
  /** `repository:library/busybox:pull`; what was refused is left out. */
  readonly scopes: readonly string[];
  readonly flow: 'GET' | 'password' | 'refresh_token';
}

/** A token server as registries have beside them: the Docker registry's token and OAuth2 specifications. */
export interface TokenServer {
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  /** For the registry's `rootcertbundle`. */
  readonly certificateFile: string;
  /** In order. */
  readonly issued: readonly IssuedToken[];
  /** Changes the life of the tokens from now on. */
  setTtl(ttl: { readonly ttlS: number; readonly statedTtlS?: number }): void;
  close(): Promise<void>;
}

const run = promisify(execFile);
const SERVICE = 'lab-registry';
const ISSUER = 'lab-token-server';
const UNAUTHORIZED = { errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] };
/** docker-registry takes a token for this long after its end, to allow for clocks that differ. */
const LEEWAY_S = 60;

/** Repositories below it may be pulled by everybody, all others by users. */
const PUBLIC_PREFIX = 'pub/';

interface Signer {
  readonly key: KeyObject;
  /** The certificate, as the header of a token carries it. */
  readonly x5c: string;
}

interface Access {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

interface Caller {
  readonly user?: TokenUser;
  readonly flow: IssuedToken['flow'];
  readonly wantsRefreshToken: boolean;
}

/** Starts it in this process. @throws where there is no openssl, or the port is taken */
export async function startTokenServer(settings: TokenServerSettings): Promise<TokenServer> {
  const { listen = { host: '127.0.0.1', port: 0 } } = settings;
  const { keyFile, certificateFile } = await makeSigningKey(settings.dir);
  const issuer = createIssuer(settings, {
    key: createPrivateKey(readFileSync(keyFile)),
    x5c: new X509Certificate(readFileSync(certificateFile)).raw.toString('base64'),
  });
  const server = createServer((request, response) => {
    void answer(request, issuer).then(
      (body) => (body === undefined ? reply(response, 401, UNAUTHORIZED) : reply(response, 200, body)),
      (error: unknown) => reply(response, 500, { message: String(error) }),
    );
  });
  server.listen(listen);
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : listen.port;
  return {
    realm: `${baseUrl({ host: listen.host, port })}/token`,
    service: SERVICE,
    issuer: ISSUER,
    certificateFile,
    issued: issuer.issued,
    setTtl: issuer.setTtl,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

interface Issuer {
  readonly users: readonly TokenUser[];
  readonly refreshTokens: Map<string, TokenUser>;
  readonly issued: readonly IssuedToken[];
  issue(caller: Caller, scopes: readonly string[]): object;
  setTtl: TokenServer['setTtl'];
}

function createIssuer(settings: TokenServerSettings, signer: Signer): Issuer {
  const issued: IssuedToken[] = [];
  const refreshTokens = new Map<string, TokenUser>();
  let ttl = lifeOf(settings);
  return {
    users: settings.users,
    refreshTokens,
    issued,
    issue({ user, flow, wantsRefreshToken }, wanted) {
      const access = wanted.flatMap((scopes) => grant(scopes, user));
      const scopes = access.map(({ type, name, actions }) => `${type}:${name}:${actions.join(',')}`);
      issued.push({ ...(user === undefined ? {} : { user: user.name }), scopes, flow });
      const nowS = Math.floor(settings.clock.nowMs() / 1000);
      const token = signToken(signer, { access, subject: user?.name ?? '', nowS, ttlS: ttl.ttlS });
      return {
        token,
        access_token: token,
        expires_in: ttl.statedTtlS,
        issued_at: new Date(nowS * 1000).toISOString(),
        scope: scopes.join(' '),
        ...(wantsRefreshToken && user ? { refresh_token: keep(refreshTokens, user) } : {}),
      };
    },
    setTtl(changed) {
      ttl = lifeOf(changed);
    },
  };
}

/** @returns undefined for who cannot say who they are */
async function answer(request: IncomingMessage, issuer: Issuer): Promise<object | undefined> {
  const isPost = request.method === 'POST';
  const form = isPost
    ? new URLSearchParams(await text(request))
    : new URL(request.url ?? '/', 'http://token').searchParams;
  const caller = isPost ? callerOfForm(form, issuer) : callerOfQuery(request, form, issuer);
  return caller && issuer.issue(caller, form.getAll('scope'));
}

function lifeOf({ ttlS = 300, statedTtlS }: { readonly ttlS?: number; readonly statedTtlS?: number }) {
  return { ttlS, statedTtlS: statedTtlS ?? ttlS };
}

/** @returns undefined for a wrong password; nobody's is no wrong one */
function callerOfQuery(request: IncomingMessage, query: URLSearchParams, { users }: Issuer): Caller | undefined {
  const wantsRefreshToken = query.get('offline_token') === 'true';
  const encoded = /^basic (.*)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (encoded === undefined) return { flow: 'GET', wantsRefreshToken };
  const [name = '', ...rest] = Buffer.from(encoded, 'base64').toString().split(':');
  const user = userOf(users, name, rest.join(':'));
  return user && { user, flow: 'GET', wantsRefreshToken };
}

function callerOfForm(form: URLSearchParams, { users, refreshTokens }: Issuer): Caller | undefined {
  const wantsRefreshToken = form.get('access_type') === 'offline';
  if (form.get('grant_type') === 'refresh_token') {
    const user = refreshTokens.get(form.get('refresh_token') ?? '');
    return user && { user, flow: 'refresh_token', wantsRefreshToken };
  }
  const user = userOf(users, form.get('username') ?? '', form.get('password') ?? '');
  return user && { user, flow: 'password', wantsRefreshToken };
}

function userOf(users: readonly TokenUser[], name: string, password: string): TokenUser | undefined {
  return users.find((user) => user.name === name && user.password === password);
}

function keep(refreshTokens: Map<string, TokenUser>, user: TokenUser): string {
  const token = randomUUID();
  refreshTokens.set(token, user);
  return token;
}

/** @param scopes one or several, separated by spaces. A refused scope is left out: the registry then denies. */
function grant(scopes: string, user: TokenUser | undefined): readonly Access[] {
  return scopes.split(' ').flatMap((scope) => {
    const [, type, name, wanted] = /^([^:]+):(.+):([^:]*)$/.exec(scope) ?? [];
    if (type !== 'repository' || name === undefined || wanted === undefined) return [];
    const allowed: readonly string[] = user
      ? (user.actions ?? ['pull', 'push'])
      : name.startsWith(PUBLIC_PREFIX)
        ? ['pull']
        : [];
    const actions = wanted.split(',').filter((action) => allowed.includes(action));
    return actions.length === 0 ? [] : [{ type, name, actions }];
  });
}

interface Claims {
  readonly access: readonly Access[];
  readonly subject: string;
  readonly nowS: number;
  readonly ttlS: number;
}

function signToken({ key, x5c }: Signer, { access, subject, nowS, ttlS }: Claims): string {
  const exp = nowS + ttlS - LEEWAY_S;
  const times = { exp, nbf: Math.min(nowS, exp) - LEEWAY_S, iat: nowS };
  const claims = { iss: ISSUER, sub: subject, aud: SERVICE, ...times, jti: randomUUID(), access };
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${encode({ typ: 'JWT', alg: 'RS256', x5c: [x5c] })}.${encode(claims)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
}

async function makeSigningKey(dir: string): Promise<{ keyFile: string; certificateFile: string }> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const [keyFile, certificateFile] = [join(dir, 'key.pem'), join(dir, 'certificate.pem')];
  const kind = ['-x509', '-newkey', 'rsa:2048', '-noenc', '-days', '30', '-subj', `/CN=${ISSUER}`];
  await run('openssl', ['req', ...kind, '-keyout', keyFile, '-out', certificateFile]);
  return { keyFile, certificateFile };
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
