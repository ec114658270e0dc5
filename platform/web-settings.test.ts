import { describe, expect, test } from 'vitest';
import { readConfig } from './config.ts';
import { ConfigError } from './environment.ts';

const OIDC = {
  STOWAGE_OIDC_ISSUER: 'https://login.example.com/realms/staff',
  STOWAGE_OIDC_CLIENT_ID: 'stowage',
  STOWAGE_OIDC_CLIENT_SECRET: 'f3Zq8Lk2Wn5T',
  STOWAGE_OIDC_OPERATORS: 'vsphere, storage team',
  STOWAGE_PUBLIC_URL: 'https://stowage.example.com',
};

function faultsOf(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ name }) => name);
    throw error;
  }
  return [];
}

describe('what browsers are served', () => {
  test('a public URL is an origin', () => {
    const read = (url: string): string | undefined => readConfig({ STOWAGE_PUBLIC_URL: url }).web.publicUrl;
    expect(read('https://Stowage.example.com')).toBe('https://stowage.example.com');
    expect(read('http://10.0.0.1:8080/')).toBe('http://10.0.0.1:8080');
    for (const bad of ['stowage.example.com', 'ftp://x', 'https://x/console/', 'https://u:p@x', 'https://x/?a']) {
      expect(faultsOf({ STOWAGE_PUBLIC_URL: bad })).toEqual(['STOWAGE_PUBLIC_URL']);
    }
  });

  test('trusted proxies are addresses and blocks', () => {
    const { web } = readConfig({ STOWAGE_TRUSTED_PROXIES: '127.0.0.1, 10.0.0.0/8,fd00::/8' });
    expect(web.trustedProxies).toEqual(['127.0.0.1', '10.0.0.0/8', 'fd00::/8']);
    for (const bad of ['proxy.example.com', '10.0.0.0/33', '10.0.0.0/8/1', '::/129', '10.0.0.0/x']) {
      expect(faultsOf({ STOWAGE_TRUSTED_PROXIES: bad })).toEqual(['STOWAGE_TRUSTED_PROXIES']);
    }
  });

  test('a trace URL says where the id goes', () => {
    const url = 'http://jaeger:16686/trace/{traceId}';
    expect(readConfig({ STOWAGE_TRACE_URL: url }).web.traceUrl).toBe(url);
    for (const bad of ['http://jaeger/trace/', 'javascript:alert({traceId})', '{traceId}']) {
      expect(faultsOf({ STOWAGE_TRACE_URL: bad })).toEqual(['STOWAGE_TRACE_URL']);
    }
  });
});

describe('OpenID Connect', () => {
  test('what is set makes a provider', () => {
    expect(readConfig(OIDC).oidc).toMatchObject({
      issuer: 'https://login.example.com/realms/staff',
      name: 'OpenID Connect',
      roleClaim: 'groups',
      roles: [
        { role: 'admin', values: [] },
        { role: 'operator', values: ['vsphere', 'storage team'] },
        { role: 'viewer', values: [] },
      ],
      publicUrl: 'https://stowage.example.com',
    });
    expect(readConfig({}).oidc).toBeUndefined();
  });

  test('a list with a semicolon is separated by semicolons', () => {
    const { oidc } = readConfig({ ...OIDC, STOWAGE_OIDC_ADMINS: 'CN=a,DC=example;' });
    expect(oidc?.roles[0]?.values).toEqual(['CN=a,DC=example']);
  });

  test('what is missing is named, all at once', () => {
    expect(faultsOf({ STOWAGE_OIDC_ISSUER: OIDC.STOWAGE_OIDC_ISSUER })).toEqual([
      'STOWAGE_OIDC_CLIENT_ID',
      'STOWAGE_OIDC_CLIENT_SECRET',
      'STOWAGE_PUBLIC_URL',
      'STOWAGE_OIDC_ADMINS',
    ]);
    expect(faultsOf({ ...OIDC, STOWAGE_OIDC_ISSUER: undefined })).toEqual(['STOWAGE_OIDC_ISSUER']);
    expect(faultsOf({ ...OIDC, STOWAGE_OIDC_OPERATORS: ' , ' })).toEqual(['STOWAGE_OIDC_ADMINS']);
  });

  test('a provider without TLS is on this machine', () => {
    for (const issuer of ['http://127.0.0.1:9000', 'http://localhost:9000', 'http://[::1]:9000']) {
      expect(faultsOf({ ...OIDC, STOWAGE_OIDC_ISSUER: issuer })).toEqual([]);
    }
    for (const issuer of ['http://10.0.0.1', 'http://login.example.com', 'login.example.com', 'https://x/?y=z']) {
      expect(faultsOf({ ...OIDC, STOWAGE_OIDC_ISSUER: issuer })).toEqual(['STOWAGE_OIDC_ISSUER']);
    }
  });

  test('openid is asked for', () => {
    expect(faultsOf({ ...OIDC, STOWAGE_OIDC_SCOPE: 'profile' })).toEqual(['STOWAGE_OIDC_SCOPE']);
  });
});
