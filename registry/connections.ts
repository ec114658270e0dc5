import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getCACertificates } from 'node:tls';
import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';
import { StowageError } from '../core/errors.ts';
import { codeOf } from '../platform/system-error.ts';
import { type Endpoint, isLoopback } from './endpoint.ts';

/** `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in either case, are read from it. */
export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

export interface ConnectionsOptions {
  readonly certsDir: string | undefined;
  readonly environment: ProxyEnvironment;
  readonly connectTimeoutMs: number;
}

/** To one host. Far more than `STOWAGE_PULLS` takes. */
const MAX_CONNECTIONS = 128;

interface TlsChoice {
  readonly ca?: string[];
  readonly rejectUnauthorized: boolean;
}

/**
 * Kept connections, by what is trusted on them. As in Docker, a registry's authorities and its being insecure hold for the token
 * server and the storage that it sends us to. The files are read again each time: a CA that was put there works at once.
 */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #dispatchers = new Map<string, Dispatcher>();

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  async dispatcherFor(endpoint: Endpoint, target: URL): Promise<Dispatcher> {
    const isDirect = isLoopback(target.hostname);
    if (endpoint.isInsecure) return this.#dispatcher('insecure', isDirect, () => ({ rejectUnauthorized: false }));
    const pem = await this.#authorities([...new Set([...endpoint.certificateHosts, target.host])]);
    const name = pem === '' ? 'system' : createHash('sha256').update(pem).digest('hex');
    return this.#dispatcher(name, isDirect, () => ({
      ca: [...getCACertificates('default'), ...getCACertificates('system'), ...(pem === '' ? [] : [pem])],
      rejectUnauthorized: true,
    }));
  }

  /** Ends requests under way. */
  async close(): Promise<void> {
    await Promise.all([...this.#dispatchers.values()].map((dispatcher) => dispatcher.destroy()));
  }

  #dispatcher(name: string, isDirect: boolean, choose: () => TlsChoice): Dispatcher {
    const key = `${name} ${isDirect ? 'direct' : 'proxied'}`;
    const known = this.#dispatchers.get(key);
    if (known !== undefined) return known;
    const tls = choose();
    const connect = { ...tls, timeout: this.#options.connectTimeoutMs, keepAlive: true };
    const common = { connect, connections: MAX_CONNECTIONS };
    const { environment } = this.#options;
    // Empty where it is not set: undici would look into the process' own environment.
    const proxies = {
      httpProxy: environment['http_proxy'] ?? environment['HTTP_PROXY'] ?? '',
      httpsProxy: environment['https_proxy'] ?? environment['HTTPS_PROXY'] ?? '',
      noProxy: environment['no_proxy'] ?? environment['NO_PROXY'] ?? '',
    };
    const made = isDirect
      ? new Agent(common)
      : new EnvHttpProxyAgent({ ...common, ...proxies, requestTls: { ...tls, timeout: connect.timeout } });
    this.#dispatchers.set(key, made);
    return made;
  }

  async #authorities(hosts: readonly string[]): Promise<string> {
    const { certsDir } = this.#options;
    if (certsDir === undefined) return '';
    const pems = await Promise.all(hosts.map((host) => certificatesIn(join(certsDir, host))));
    return pems.flat().join('\n');
  }
}

async function certificatesIn(folder: string): Promise<readonly string[]> {
  try {
    const names = (await readdir(folder)).filter((name) => name.endsWith('.crt')).sort();
    return await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return [];
    throw new StowageError('registry-untrusted', `the certificates in ${folder} cannot be read (${codeOf(error)})`, {
      cause: error,
    });
  }
}
