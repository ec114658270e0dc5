// How the settings of REGISTRY_SETTINGS are read.

/** vSphere refuses these in the names of files and folders, or we would have to escape them in a datastore path. */
const BAD_ROOT = /[\\[\]%:*?"<>|]|(^|\/)\.{1,2}(\/|$)|\/\//;

/** @throws {RangeError} */
export function parseImageStore(text: string): { readonly datastore: string; readonly root: string } {
  const match = /^\[([^\]]+)\]\s*(.*)$/.exec(text.trim());
  const datastore = match?.[1]?.trim() ?? '';
  const root = (match?.[2] ?? '').trim().replaceAll(/^\/+|\/+$/g, '');
  if (datastore === '') throw new RangeError('must be [datastore] folder');
  if (BAD_ROOT.test(root)) throw new RangeError('its folder has a character or a part that vSphere does not take');
  return { datastore, root };
}

export interface PlatformSetting {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** @throws {RangeError} */
export function parsePlatform(text: string): PlatformSetting {
  const [os = '', architecture = '', variant, ...more] = text.trim().toLowerCase().split('/');
  const isGood = [os, architecture, variant ?? 'v1'].every((part) => /^[a-z0-9_.-]+$/.test(part));
  if (!isGood || more.length > 0)
    throw new RangeError('must be os/architecture or os/architecture/variant, such as linux/amd64');
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

export type Mirrors = ReadonlyMap<string, readonly URL[]>;

/** `registry=url, url; registry=url`. @throws {RangeError} */
export function parseMirrors(text: string): Mirrors {
  const mirrors = new Map<string, readonly URL[]>();
  for (const part of partsOf(text, ';')) {
    const at = part.indexOf('=');
    const registry = part.slice(0, Math.max(at, 0)).trim().toLowerCase();
    const urls = partsOf(part.slice(at + 1), ',').map(mirrorUrl);
    if (registry === '' || urls.length === 0) throw new RangeError(`"${part}" is not registry=url, url`);
    if (mirrors.has(registry)) throw new RangeError(`"${registry}" is there twice`);
    mirrors.set(registry, urls);
  }
  return mirrors;
}

function mirrorUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw new RangeError(`"${text}" is not an http or https URL`);
  if (url.username !== '' || url.password !== '') throw new RangeError('a mirror must not hold a user or password');
  if (url.search !== '' || url.hash !== '') throw new RangeError('a mirror must not have a query or fragment');
  return url;
}

/** Host names, with `*` for any text. */
export type NamePatterns = readonly string[];

/** @throws {RangeError} */
export function parseNames(text: string): NamePatterns {
  const names = partsOf(text, ',').map((name) => name.toLowerCase());
  const bad = names.find((name) => !/^[a-z0-9.*:[\]_-]+$/.test(name));
  if (bad !== undefined) throw new RangeError(`"${bad}" is not a host name or pattern`);
  return names;
}

/** Whether one of the patterns stands for the text; case does not matter. */
export function matchesAny(patterns: NamePatterns, text: string): boolean {
  return patterns.some((pattern) => matches(pattern, text));
}

export function matches(pattern: string, text: string): boolean {
  const source = pattern
    .split('*')
    .map((part) => part.replaceAll(/[.[\]\\^$()+?{}|-]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${source}$`, 'is').test(text);
}

export type RoleName = 'viewer' | 'operator' | 'admin';

/** Certificate subjects (patterns) with what they may do, in order. */
export type SubjectRoles = readonly { readonly subject: string; readonly role: RoleName }[];

/** `pattern=role; pattern=role`. @throws {RangeError} */
export function parseRoles(text: string): SubjectRoles {
  return partsOf(text, ';').map((part) => {
    const at = part.lastIndexOf('=');
    const subject = part.slice(0, Math.max(at, 0)).trim();
    const role = part.slice(at + 1).trim();
    if (subject === '' || !isRole(role))
      throw new RangeError(`"${part}" is not subject=viewer, subject=operator or subject=admin`);
    return { subject, role };
  });
}

function isRole(text: string): text is RoleName {
  return ['viewer', 'operator', 'admin'].includes(text);
}

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };
const BINARY_UNITS: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** `20GB`, `512MiB`, `1000000`: bytes. @throws {RangeError} */
export function parseByteSize(text: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)\s*([KMGT]?)(i?)B?$/i.exec(text.trim());
  const unit = (match?.[2] ?? '').toUpperCase();
  const factor = match?.[3] ? BINARY_UNITS[unit] : UNITS[unit];
  if (match === null || factor === undefined) throw new RangeError('must be a size such as 20GB or 512MiB');
  const bytes = Math.round(Number(match[1]) * factor);
  if (!(bytes >= 1)) throw new RangeError('must be at least a byte');
  return bytes;
}

function partsOf(text: string, separator: string): readonly string[] {
  return text
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
