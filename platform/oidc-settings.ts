import { z } from 'zod';
import { isLoopback } from './listen.ts';
import type { Secret } from './secret.ts';
import { parsedBy, secretOf, type Setting } from './setting.ts';

/** Who may sign in by an OpenID Connect provider. All of it or nothing is set: see `OidcConfig`. */
export const OIDC_SETTINGS = {
  STOWAGE_OIDC_ISSUER: {
    schema: parsedBy(parseIssuer),
    type: 'URL',
    example: 'https://login.example.com/realms/staff',
    description:
      'The provider, as its own `iss` says it; `/.well-known/openid-configuration` must be below. `http://` only on this machine. Needs ' +
      '`STOWAGE_PUBLIC_URL`: register `<public URL>/auth/oidc/callback` as the redirect URI.',
  },
  STOWAGE_OIDC_CLIENT_ID: {
    schema: z.string(),
    type: 'text',
    example: 'stowage',
    description: 'The client as which Stowage is registered: a confidential one, with the authorization code flow.',
  },
  STOWAGE_OIDC_CLIENT_SECRET: {
    schema: secretOf(8),
    type: 'text of at least 8 characters',
    example: 'f3Zq8Lk2Wn5T',
    description: "The client's secret. All api processes need the same.",
    isSecret: true,
    mayBeFile: true,
  },
  STOWAGE_OIDC_NAME: {
    schema: z.string().max(60, 'must have at most 60 characters'),
    type: 'text',
    example: 'Example Login',
    fallback: 'OpenID Connect',
    description: 'What the button of the console calls the provider.',
  },
  STOWAGE_OIDC_SCOPE: {
    schema: parsedBy(parseScope),
    type: 'words',
    example: 'openid profile email groups',
    fallback: 'openid profile email',
    description: 'What is asked of the provider. Some give groups only when they are asked for.',
  },
  STOWAGE_OIDC_USER_CLAIM: {
    schema: z.string(),
    type: 'name of a claim',
    example: 'email',
    fallback: 'preferred_username',
    description:
      'What jobs and the audit log call people. Without it in the token their verified `email`, then `sub`. Take one that people cannot choose ' +
      'for themselves.',
  },
  STOWAGE_OIDC_ROLE_CLAIM: {
    schema: z.string(),
    type: 'name of a claim',
    example: 'realm_access.roles',
    fallback: 'groups',
    description:
      "What roles go by: a text or a list of texts, in the ID token or else in the provider's answer about the user; dots lead into objects.",
  },
  STOWAGE_OIDC_ADMINS: {
    schema: parsedBy(parseValues),
    type: 'list',
    example: 'vsphere-admins',
    defaultText: 'none',
    description:
      'Values of the claim whose bearers are admins, separated by commas; by semicolons where there is one. One of the three lists must be set, and ' +
      'who is in none of them is refused.',
  },
  STOWAGE_OIDC_OPERATORS: {
    schema: parsedBy(parseValues),
    type: 'list',
    example: 'vsphere-operators,storage-team',
    defaultText: 'none',
    description: 'The same for operators. Who is in several lists gets the highest role.',
  },
  STOWAGE_OIDC_VIEWERS: {
    schema: parsedBy(parseValues),
    type: 'list',
    example: 'CN=Staff,OU=Groups,DC=example,DC=com;',
    defaultText: 'none',
    description: 'The same for viewers.',
  },
} as const satisfies Readonly<Record<string, Setting>>;

/** A provider of OpenID Connect, and what its claims mean here. */
export interface OidcConfig {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: Secret;
  /** What people call it. */
  readonly name: string;
  readonly scope: string;
  readonly userClaim: string;
  readonly roleClaim: string;
  /** Values of the role claim, the highest role first. */
  readonly roles: readonly { readonly role: 'admin' | 'operator' | 'viewer'; readonly values: readonly string[] }[];
  /** Where people reach the api; the provider sends them back there. */
  readonly publicUrl: string;
}

/** @throws {RangeError} */
function parseIssuer(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) throw new RangeError('must be an https:// URL');
  const host = url.hostname.replaceAll(/[[\]]/g, '');
  if (url.protocol === 'http:' && !isLoopback({ host, port: 80 }))
    throw new RangeError('must be an https:// URL: only a provider on this machine may be reached without TLS');
  if (url.username !== '' || url.search !== '' || url.hash !== '')
    throw new RangeError('must have no user, query or fragment');
  return text;
}

/** @throws {RangeError} */
function parseScope(text: string): string {
  const words = text.split(/\s+/).filter((word) => word !== '');
  if (!words.includes('openid')) throw new RangeError('must have the word openid in it');
  return words.join(' ');
}

function parseValues(text: string): readonly string[] {
  const values = text.split(text.includes(';') ? ';' : ',').map((value) => value.trim());
  return values.filter((value) => value !== '');
}
