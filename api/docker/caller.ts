import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { StowageError } from '../../core/errors.ts';
import { formatListen, isLoopback, type ListenAddress, parseListen } from '../../platform/listen.ts';
import { matches, type SubjectRoles } from '../../platform/registry-values.ts';
import type { Caller } from '../caller.ts';

const LOCAL: Caller = { actor: 'docker', role: 'admin' };

/**
 * Who sent the request: by TLS whoever the certificate names (it was verified in the handshake), on a plain loopback address
 * whoever is on this machine.
 *
 * @throws StowageError `role-insufficient`
 */
export function callerOf(request: IncomingMessage, roles: SubjectRoles, listen: ListenAddress): Caller {
  const { socket } = request;
  if (!(socket instanceof TLSSocket)) {
    refuseBrowsers(request, listen);
    return LOCAL;
  }
  const subject = subjectOf(socket);
  const found = roles.find((each) => matches(each.subject, subject));
  if (found !== undefined) return { actor: `docker:${subject}`, role: found.role };
  throw new StowageError(
    'role-insufficient',
    `the certificate's subject "${subject}" may do nothing here: STOWAGE_DOCKER_ROLES does not name it`,
  );
}

function subjectOf(socket: TLSSocket): string {
  const names: unknown = socket.getPeerCertificate().subject?.CN;
  return String(Array.isArray(names) ? names[0] : (names ?? ''));
}

/**
 * Without a key or certificate, any page in a browser on this machine could command the daemon: by a form (it sends Origin), or
 * after its own host name is made to point here (Host then is that name). Docker's clients send neither.
 */
function refuseBrowsers({ headers }: IncomingMessage, listen: ListenAddress): void {
  const site = headers['sec-fetch-site'];
  if (headers.origin !== undefined || site === 'cross-site' || site === 'same-site')
    throw new StowageError('role-insufficient', 'requests from web pages are refused: this is the Docker Engine API');
  const { host } = headers;
  if (host === undefined || isOwnName(host, listen)) return;
  throw new StowageError(
    'role-insufficient',
    `the Host header names "${host}", which is not ${formatListen(listen)}: set DOCKER_HOST to that address`,
  );
}

function isOwnName(host: string, listen: ListenAddress): boolean {
  const named = parseListen(/:\d+$/.test(host) ? host : `${host}:80`);
  if (named === undefined) return false;
  return isLoopback(named) || named.host === listen.host || named.host.endsWith('.localhost');
}
