import { DEFAULT_REGISTRY } from '../core/reference.ts';
import { type Mirrors, matchesAny, type NamePatterns } from '../platform/registry-values.ts';

// Where the repositories of a registry are asked for.

const HUB_HOST = 'registry-1.docker.io';
/** What `docker login` without a server writes into its file. */
const HUB_AUTH_KEY = 'https://index.docker.io/v1/';
const HUB_ALIASES: readonly string[] = [DEFAULT_REGISTRY, 'index.docker.io', 'registry.hub.docker.com', HUB_HOST];

export interface Endpoint {
  /** Host and port, for messages. */
  readonly name: string;
  /** Of the v2 API, ending in `/v2/`; the next one is used where the one before is not TLS at all. */
  readonly bases: readonly [URL, ...URL[]];
  readonly isMirror: boolean;
  /** Neither a trusted certificate nor TLS is asked for. */
  readonly isInsecure: boolean;
  /** Folders of the certificate directory. */
  readonly certificateHosts: readonly string[];
  /** Keys of the auth file. */
  readonly authKeys: readonly string[];
}

/** `docker.io`, `registry.example:5000`: also of what `docker login` sends as a server's address. */
export function registryName(address: string): string {
  const host = address.replace(/^https?:\/\//i, '').replace(/\/.*$/, '');
  return HUB_ALIASES.includes(host.toLowerCase()) ? DEFAULT_REGISTRY : host;
}

/** `localhost`, 127.0.0.0/8 and ::1. @param hostname without a port, IPv6 in brackets or without */
export function isLoopback(hostname: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/i.test(hostname);
}

function hostnameOf(host: string): string {
  return host.replace(/:\d+$/, '');
}

function isInsecureHost(insecure: NamePatterns, host: string): boolean {
  return isLoopback(hostnameOf(host)) || matchesAny(insecure, host);
}

/** The mirrors first, in the order of the configuration; the registry itself is the last one. */
export function endpointsOf(
  registry: string,
  config: { readonly mirrors: Mirrors; readonly insecure: NamePatterns },
): readonly [Endpoint, ...Endpoint[]] {
  const own = ownEndpoint(registry, config.insecure);
  const mirrors = (config.mirrors.get(registry.toLowerCase()) ?? []).map((url) => mirrorEndpoint(url, config.insecure));
  const [first, ...rest] = mirrors;
  return first === undefined ? [own] : [first, ...rest, own];
}

export function ownEndpoint(registry: string, insecure: NamePatterns): Endpoint {
  const isHub = registry === DEFAULT_REGISTRY;
  const host = isHub ? HUB_HOST : registry;
  const isInsecure = isInsecureHost(insecure, registry);
  const https = new URL(`https://${host}/v2/`);
  return {
    name: registry,
    bases: isInsecure ? [https, new URL(`http://${host}/v2/`)] : [https],
    isMirror: false,
    isInsecure,
    certificateHosts: isHub ? [registry, host] : [registry],
    authKeys: isHub ? [HUB_AUTH_KEY, ...HUB_ALIASES] : [registry],
  };
}

/** A mirror's path stands before `/v2/`, or holds it already, as `/v2/proxy` of a Harbor project does. */
function mirrorEndpoint(url: URL, insecure: NamePatterns): Endpoint {
  const path = url.pathname.replace(/\/+$/, '');
  const prefix = path.split('/').includes('v2') ? path : `${path}/v2`;
  return {
    name: url.host,
    bases: [new URL(`${prefix}/`, url)],
    isMirror: true,
    isInsecure: url.protocol === 'http:' || isInsecureHost(insecure, url.host),
    certificateHosts: [url.host],
    authKeys: [url.host],
  };
}
