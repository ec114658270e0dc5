import { StowageError } from '../../core/errors.ts';

// Versions of the Docker Engine API. Only the minor number ever changed.

const MAX_MINOR = 50;
const MIN_MINOR = 24;
export const API_VERSION = `1.${MAX_MINOR}`;
export const MIN_API_VERSION = `1.${MIN_MINOR}`;

const PREFIX = /^\/v(\d+)\.(\d+)(?=\/|$)/;

/**
 * Takes the version off a path; a path without one is of the newest.
 *
 * @throws StowageError `request-invalid` with dockerd's own text when the version is too old or too new
 */
export function splitVersion(path: string): { readonly minor: number; readonly rest: string } {
  const match = PREFIX.exec(path);
  if (match === null) return { minor: MAX_MINOR, rest: path };
  const [prefix, major, minor] = [match[0], Number(match[1]), Number(match[2])];
  const version = `${major}.${minor}`;
  if (major > 1 || (major === 1 && minor > MAX_MINOR)) {
    throw new StowageError(
      'request-invalid',
      `client version ${version} is too new. Maximum supported API version is ${API_VERSION}`,
    );
  }
  if (major < 1 || minor < MIN_MINOR) {
    throw new StowageError(
      'request-invalid',
      `client version ${version} is too old. Minimum supported API version is ${MIN_API_VERSION}, please upgrade your client to a newer version`,
    );
  }
  return { minor, rest: path.slice(prefix.length) };
}
