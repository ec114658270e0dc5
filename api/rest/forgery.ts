import { timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { StowageError } from '../../core/errors.ts';

const CSRF_HEADER = 'x-stowage-csrf';
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

export function isSafe(request: FastifyRequest): boolean {
  return SAFE_METHODS.has(request.method);
}

/** A browser adds a session's cookie by itself, so an unsafe request shows that a page of ours made it. @throws `csrf-missing`, `csrf-wrong` */
export function checkCsrf(request: FastifyRequest, csrf: string): void {
  const sent = request.headers[CSRF_HEADER];
  if (typeof sent !== 'string' || sent === '')
    throw new StowageError('csrf-missing', `the request comes with a session and has no ${CSRF_HEADER}`);
  const [left, right] = [Buffer.from(sent), Buffer.from(csrf)];
  if (left.length !== right.length || !timingSafeEqual(left, right))
    throw new StowageError('csrf-wrong', `${CSRF_HEADER} is not that of this session`);
}

/**
 * Refuses what a page of another origin sent. Browsers say where a request comes from: `Sec-Fetch-Site` by HTTPS and on this machine,
 * `Origin` always when something is to change; no page can forge either.
 *
 * @returns whether the request says that it comes from a page of ours, or from a person directly
 * @throws `origin-foreign`
 */
export function checkOrigin(request: FastifyRequest, publicUrl: string | undefined): boolean {
  const site = request.headers['sec-fetch-site'];
  if (site === 'same-origin' || site === 'none') return true;
  if (site !== undefined) throw foreign(`a page of another origin (${site})`);
  const { origin } = request.headers;
  if (origin === undefined) return false;
  const isOurs = origin === publicUrl || (URL.canParse(origin) && new URL(origin).host === request.host);
  if (!isOurs) throw foreign(`a page of ${origin}`);
  return true;
}

/** For pages that are not ours and send no header of ours: nothing but the origin can tell. @throws `origin-foreign` */
export function checkOwnOrigin(request: FastifyRequest, publicUrl: string | undefined): void {
  if (!checkOrigin(request, publicUrl)) throw foreign('something that does not say of which origin it is');
}

function foreign(who: string): StowageError {
  return new StowageError('origin-foreign', `the request was sent by ${who}`);
}
