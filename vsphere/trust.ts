import { getCACertificates, TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';

// Whose certificate is believed.

/**
 * system: the CAs that Node and the machine trust. caPem: exactly these CAs. thumbprint: the one certificate with this SHA-256
 * thumbprint (hex, colons allowed), also self-signed, whatever names it has.
 */
export type Trust = { readonly caPem: string } | { readonly thumbprint: string } | 'system';

export class ThumbprintMismatch extends Error {
  constructor(shown: string) {
    super(`the certificate's SHA-256 thumbprint is ${shown}, not the expected one`);
    this.name = 'ThumbprintMismatch';
  }
}

const digits = (thumbprint: string): string => thumbprint.replaceAll(/[\s:]/g, '').toUpperCase();

export const CONNECT_TIMEOUT_MS = 10_000;

/** The certificate is examined before a byte of a request, so before the session cookie or the password, is written. */
export function connectorFor(trust: Trust): buildConnector.connector {
  const base = { timeout: CONNECT_TIMEOUT_MS, keepAlive: true, keepAliveInitialDelay: 30_000 };
  if (trust === 'system') return systemConnector(base);
  if ('caPem' in trust) return buildConnector({ ...base, ca: trust.caPem });
  // A resumed session may hide the certificate, so none is resumed.
  const connect = buildConnector({ ...base, rejectUnauthorized: false, maxCachedSessions: 0 });
  const expected = digits(trust.thumbprint);
  return (options, callback) => {
    connect(options, (...[error, socket]) => {
      if (error !== null) return callback(error, null);
      if (!(socket instanceof TLSSocket)) return callback(null, socket);
      const shown = socket.getPeerX509Certificate()?.fingerprint256 ?? 'missing';
      if (digits(shown) === expected) return callback(null, socket);
      socket.destroy();
      callback(new ThumbprintMismatch(shown), null);
    });
  };
}

/** The machine's CAs are read when a first connection is made, not before: it takes a while, and http never needs them. */
function systemConnector(base: buildConnector.BuildOptions): buildConnector.connector {
  let secure: buildConnector.connector | undefined;
  const plain = buildConnector(base);
  return (options, callback) => {
    if (options.protocol !== 'https:') return plain(options, callback);
    secure ??= buildConnector({ ...base, ca: [...getCACertificates('default'), ...getCACertificates('system')] });
    secure(options, callback);
  };
}
