import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc'];

export interface IssuedCertificate {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority of one test run; openssl does the work. */
export interface CertificateAuthority {
  readonly cert: string;
  /** For 127.0.0.1 when `isServer`, else for clients. */
  issue(commonName: string, isServer?: boolean): Promise<IssuedCertificate>;
  /** A folder as `DOCKER_CERT_PATH` names it: ca.pem, cert.pem, key.pem. */
  writeClientFolder(commonName: string, trusted?: string): Promise<string>;
  close(): Promise<void>;
}

export async function createAuthority(): Promise<CertificateAuthority> {
  const directory = await mkdtemp(join(tmpdir(), 'stowage-ca-'));
  const path = (name: string): string => join(directory, name);
  const root = ['-x509', ...KEY, '-days', '2', '-subj', '/CN=test authority'];
  await execute('openssl', ['req', ...root, '-keyout', path('ca-key.pem'), '-out', path('ca.pem')]);
  const cert = await readFile(path('ca.pem'), 'utf8');
  let serial = 0;

  async function issue(commonName: string, isServer = false): Promise<IssuedCertificate> {
    serial += 1;
    const [key, request, issued, extensions] = ['key', 'csr', 'pem', 'ext'].map((end) => path(`${serial}.${end}`));
    const use = isServer
      ? 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n'
      : 'extendedKeyUsage=clientAuth\n';
    await writeFile(String(extensions), use);
    const asked = ['-subj', `/CN=${commonName}`, '-keyout', String(key), '-out', String(request)];
    await execute('openssl', ['req', ...KEY, ...asked]);
    const signer = ['-CA', path('ca.pem'), '-CAkey', path('ca-key.pem'), '-set_serial', String(serial), '-days', '2'];
    const files = ['-in', String(request), '-out', String(issued), '-extfile', String(extensions)];
    await execute('openssl', ['x509', '-req', ...signer, ...files]);
    return { cert: await readFile(String(issued), 'utf8'), key: await readFile(String(key), 'utf8') };
  }

  return {
    cert,
    issue,
    async writeClientFolder(commonName, trusted = cert) {
      const folder = await mkdtemp(join(directory, 'client-'));
      const client = await issue(commonName);
      await writeFile(join(folder, 'ca.pem'), trusted);
      await writeFile(join(folder, 'cert.pem'), client.cert);
      await writeFile(join(folder, 'key.pem'), client.key);
      return folder;
    },
    close: async () => await rm(directory, { recursive: true, force: true }),
  };
}
