import { BlockList, isIP } from 'node:net';

// Where webhooks may go. An address that only this installation's network reaches is refused unless it is allowed: whoever may set a
// webhook must not be able to reach what is not theirs (SSRF).

export interface TargetPolicy {
  /** CIDR blocks of otherwise refused addresses that may be reached, or all of them. */
  readonly allowPrivate: readonly string[] | '*';
  readonly allowHttp: boolean;
}

export interface TargetGuard {
  /** What is wrong with a URL, without resolving its name; undefined: nothing. */
  explainUrl(text: string): string | undefined;
  /** Why an address that a name resolved to may not be connected to; undefined: it may. */
  explainAddress(address: string): string | undefined;
}

/** IANA's special-purpose registries; an IPv4-mapped IPv6 address counts as the IPv4 address that it holds. */
const REFUSED_IPV4 = [
  ['0.0.0.0/8', 'this network'],
  ['10.0.0.0/8', 'private'],
  ['100.64.0.0/10', 'carrier-grade NAT'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['172.16.0.0/12', 'private'],
  ['192.0.0.0/24', 'reserved by the IETF'],
  ['192.0.2.0/24', 'documentation'],
  ['192.88.99.0/24', '6to4 relay'],
  ['192.168.0.0/16', 'private'],
  ['198.18.0.0/15', 'benchmarking'],
  ['198.51.100.0/24', 'documentation'],
  ['203.0.113.0/24', 'documentation'],
  ['224.0.0.0/4', 'multicast'],
  ['240.0.0.0/4', 'reserved or broadcast'],
] as const;
/** Of IPv6 only global unicast is taken; these lie within it, and some of them hold an IPv4 address. */
const REFUSED_IPV6 = [
  ['2001::/23', 'reserved by the IETF, or Teredo'],
  ['2001:db8::/32', 'documentation'],
  ['2002::/16', '6to4'],
  ['3fff::/20', 'documentation'],
] as const;
const GLOBAL_IPV6 = ['2000::/3'];

const rules = [...REFUSED_IPV4, ...REFUSED_IPV6].map(([cidr, reason]) => ({ block: blocksOf([cidr]), reason }));
const globalIpv6 = blocksOf(GLOBAL_IPV6);

/** @throws {RangeError} for a block that is not one */
function blocksOf(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', prefix] = cidr.split('/');
    const family = isIP(address);
    const bits = prefix === undefined ? (family === 4 ? 32 : 128) : Number(prefix);
    if (family === 0 || !/^\d{1,3}$/.test(prefix ?? '0') || bits > (family === 4 ? 32 : 128))
      throw new RangeError(`"${cidr}" is not an address or a block of addresses (10.0.0.0/8)`);
    list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

export function createTargetGuard(policy: TargetPolicy): TargetGuard {
  const allowed = policy.allowPrivate === '*' ? '*' : blocksOf(policy.allowPrivate);
  const explainAddress = (address: string): string | undefined => {
    const reason = reasonAgainst(address);
    if (reason === undefined || allowed === '*') return undefined;
    if (isIP(address) !== 0 && allowed.check(address, familyOf(address))) return undefined;
    return `${address} is not a public address (${reason}); STOWAGE_WEBHOOK_ALLOW_PRIVATE does not list it`;
  };
  return {
    explainAddress,
    explainUrl(text) {
      const url = URL.canParse(text) ? new URL(text) : undefined;
      if (url === undefined || !['https:', 'http:'].includes(url.protocol)) return 'is not an https:// URL';
      if (url.protocol === 'http:' && !policy.allowHttp)
        return 'is not an https:// URL; http:// is refused unless STOWAGE_WEBHOOK_ALLOW_HTTP is set';
      if (url.username !== '' || url.password !== '') return 'must not hold a user or password';
      if (url.hash !== '') return 'must not have a fragment';
      const host = hostOf(url);
      return isIP(host) === 0 ? undefined : explainAddress(host);
    },
  };
}

/** A URL's host as an address has it: without the brackets of IPv6. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}

function reasonAgainst(address: string): string | undefined {
  if (isIP(address) === 0) return 'not an address';
  // A zone belongs to link-local addresses, and lists do not match with one.
  if (address.includes('%')) return 'link-local';
  const family = familyOf(address);
  const rule = rules.find(({ block }) => block.check(address, family));
  if (rule !== undefined) return rule.reason;
  if (family === 'ipv4' || globalIpv6.check(address, family) || isMapped(address)) return undefined;
  return 'not global unicast';
}

/** `::ffff:a.b.c.d` in any spelling; that the IPv4 address is a public one has been checked. */
function isMapped(address: string): boolean {
  return /^\[::ffff:[0-9a-f:]+\]$/.test(new URL(`http://[${address}]`).hostname);
}
