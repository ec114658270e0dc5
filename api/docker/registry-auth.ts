import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import type { RegistryCredentials } from '../../core/ports/registry.ts';

const text = z.string().default('').catch('');
const schema = z.object({
  username: text,
  password: text,
  auth: text,
  identitytoken: text,
  registrytoken: text,
});

/**
 * The credentials in `X-Registry-Auth`: an AuthConfig in base64url. `e30=` (`{}`) is what the CLI sends for none.
 *
 * @throws StowageError `request-invalid` when it is none; the message holds nothing of it
 */
export function readRegistryAuth(headers: IncomingHttpHeaders): RegistryCredentials | undefined {
  const header = headers['x-registry-auth'];
  if (typeof header !== 'string' || header === '') return undefined;
  const parsed = schema.safeParse(decode(header));
  if (!parsed.success) throw malformed();
  const { username, password, auth, identitytoken, registrytoken } = parsed.data;
  if (registrytoken !== '') return { type: 'registry-token', token: registrytoken };
  if (identitytoken !== '') return { type: 'identity-token', token: identitytoken };
  if (username !== '') return { type: 'password', username, password };
  return auth === '' ? undefined : splitPair(auth);
}

function decode(header: string): unknown {
  try {
    return JSON.parse(Buffer.from(header, 'base64url').toString('utf8'));
  } catch {
    // Without the cause: a parser's message quotes what it read.
    throw malformed();
  }
}

/** `user:password` in base64, as configuration files have it. */
function splitPair(auth: string): RegistryCredentials {
  const pair = Buffer.from(auth, 'base64').toString('utf8');
  const at = pair.indexOf(':');
  if (at === -1) throw malformed();
  return { type: 'password', username: pair.slice(0, at), password: pair.slice(at + 1) };
}

function malformed(): StowageError {
  return new StowageError('request-invalid', 'invalid X-Registry-Auth header: not an AuthConfig in base64url');
}
