import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

export interface TestCertificate {
  readonly key: string;
  readonly cert: string;
  /** SHA-256, in hex with colons. */
  readonly thumbprint: string;
}

/** A self-signed certificate for 127.0.0.1, or another `subjectAltName`, made by openssl for one test run. */
export async function makeCertificate(altName = 'IP:127.0.0.1'): Promise<TestCertificate> {
  const directory = await mkdtemp(join(tmpdir(), 'stowage-cert-'));
  try {
    const [keyPath, certPath] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
    const subject = ['-subj', '/CN=vcenter.test', '-addext', `subjectAltName=${altName}`];
    const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc', '-days', '2'];
    await execute('openssl', ['req', ...kind, ...subject, '-keyout', keyPath, '-out', certPath]);
    const cert = await readFile(certPath, 'utf8');
    return { key: await readFile(keyPath, 'utf8'), cert, thumbprint: new X509Certificate(cert).fingerprint256 };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
