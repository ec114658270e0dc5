import { ConfigError, faultOf } from './environment.ts';
import type { OidcConfig } from './oidc-settings.ts';
import type { SettingValues } from './settings.ts';

const OIDC_NEEDS = ['STOWAGE_OIDC_CLIENT_ID', 'STOWAGE_OIDC_CLIENT_SECRET', 'STOWAGE_PUBLIC_URL'] as const;
const OIDC_ROLES = ['STOWAGE_OIDC_ADMINS', 'STOWAGE_OIDC_OPERATORS', 'STOWAGE_OIDC_VIEWERS'] as const;

/** All that a provider needs, or nothing of it. @throws {ConfigError} with what is missing */
export function oidcOf(values: SettingValues): OidcConfig | undefined {
  const {
    STOWAGE_OIDC_ISSUER: issuer,
    STOWAGE_OIDC_CLIENT_ID: clientId,
    STOWAGE_OIDC_CLIENT_SECRET: clientSecret,
    STOWAGE_PUBLIC_URL: publicUrl,
  } = values;
  const roles = (['admin', 'operator', 'viewer'] as const).map((role, at) => {
    const name = OIDC_ROLES[at];
    return { role, values: (name === undefined ? undefined : values[name]) ?? [] };
  });
  const hasRoles = roles.some((each) => each.values.length > 0);
  if (issuer === undefined) {
    if (clientId === undefined && clientSecret === undefined && !hasRoles) return undefined;
    throw new ConfigError([faultOf('STOWAGE_OIDC_ISSUER', 'is not set, and other settings of OIDC are')]);
  }
  if (clientId !== undefined && clientSecret !== undefined && publicUrl !== undefined && hasRoles) {
    return {
      issuer,
      clientId,
      clientSecret,
      publicUrl,
      roles,
      name: values.STOWAGE_OIDC_NAME,
      scope: values.STOWAGE_OIDC_SCOPE,
      userClaim: values.STOWAGE_OIDC_USER_CLAIM,
      roleClaim: values.STOWAGE_OIDC_ROLE_CLAIM,
    };
  }
  const missing = OIDC_NEEDS.filter((name) => values[name] === undefined);
  throw new ConfigError([
    ...missing.map((name) => faultOf(name, 'is not set, and OIDC needs it')),
    ...(hasRoles
      ? []
      : [faultOf('STOWAGE_OIDC_ADMINS', 'is not set, nor is another list of roles: nobody could sign in')]),
  ]);
}
