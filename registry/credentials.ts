import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { StowageError } from '../core/errors.ts';
import type { RegistryCredentials } from '../core/ports/registry.ts';
import { codeOf } from '../platform/system-error.ts';

const Entry = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
  registrytoken: z.string().optional(),
});
const AuthFile = z.object({ auths: z.record(z.string(), Entry).optional() });

/** The credentials of a file like `~/.docker/config.json`. It is read again each time: a secret that was rotated counts at once. */
export class AuthFileReader {
  readonly #path: string | undefined;

  constructor(path: string | undefined) {
    this.#path = path;
  }

  /** @param keys the first that the file has counts; `https://host/v1/` there stands for `host` */
  async find(keys: readonly string[]): Promise<RegistryCredentials | undefined> {
    if (this.#path === undefined) return undefined;
    const entries = await readAuths(this.#path);
    for (const key of keys) {
      const found = entries.get(key) ?? entries.get(hostOf(key));
      const credentials = found === undefined ? undefined : credentialsOf(found);
      if (credentials !== undefined) return credentials;
    }
    return undefined;
  }
}

async function readAuths(path: string): Promise<ReadonlyMap<string, z.infer<typeof Entry>>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const reason = codeOf(error);
    throw new StowageError('internal-error', `STOWAGE_REGISTRY_AUTH_FILE cannot be read: ${path} (${reason})`);
  }
  // Neither JSON's nor zod's error goes along: the first quotes the text.
  const parsed = AuthFile.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new StowageError('internal-error', `STOWAGE_REGISTRY_AUTH_FILE is not a file with \`auths\`: ${path}`);
  }
  const auths = Object.entries(parsed.data.auths ?? {});
  return new Map([...auths.map(([key, entry]) => [hostOf(key), entry] as const), ...auths]);
}

/** Undefined when it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}

function credentialsOf(entry: z.infer<typeof Entry>): RegistryCredentials | undefined {
  if (entry.identitytoken) return { type: 'identity-token', token: entry.identitytoken };
  if (entry.registrytoken) return { type: 'registry-token', token: entry.registrytoken };
  const decoded = entry.auth ? Buffer.from(entry.auth, 'base64').toString('utf8') : '';
  const colon = decoded.indexOf(':');
  if (colon > 0) {
    // Docker's own writers pad the password with NULs.
    const password = decoded.slice(colon + 1).replace(/\0+$/, '');
    return { type: 'password', username: decoded.slice(0, colon), password };
  }
  const { username, password } = entry;
  return username && password !== undefined ? { type: 'password', username, password } : undefined;
}

export function basicHeader(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

/** Names who asks, in memory only: two callers must never share a token. */
export function identityOf(credentials: RegistryCredentials | undefined): string {
  if (credentials === undefined) return 'anonymous';
  return createHash('sha256').update(JSON.stringify(credentials)).digest('hex');
}
