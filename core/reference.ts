// Names of images, as the distribution reference grammar has them (distribution/reference: `[host/]path[:tag][@digest]`), in two
// spellings: canonical (`docker.io/library/busybox:latest`), which records and jobs use, and familiar (`busybox:latest`), which
// people and Docker's CLI use.

declare const brand: unique symbol;
/** `sha256:` and 64 hexadecimal digits in lower case. */
export type Digest = string & { readonly [brand]: 'Digest' };
/** A canonical name: `<registry>/<repository>:<tag>` or `<registry>/<repository>@<digest>`. */
export type ImageReference = string & { readonly [brand]: 'ImageReference' };

export const DEFAULT_REGISTRY = 'docker.io';
const DEFAULT_TAG = 'latest';

const DIGEST = /^sha256:[0-9a-f]{64}$/;
const HOST = /^(?:localhost|[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?$/;
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}$/;
const MAX_REPOSITORY = 255;

const unanchored = (pattern: RegExp): string => pattern.source.slice(1, -1);
const path = `${unanchored(COMPONENT)}(?:/${unanchored(COMPONENT)})*`;
/** For JSON Schemas: what `parseDigest` and `parseReference` take, but for the length of a repository's name. */
export const DIGEST_PATTERN = DIGEST.source;
export const REFERENCE_PATTERN = `^(?:${unanchored(HOST)}/)?${path}(?::${unanchored(TAG)})?(?:@${unanchored(DIGEST)})?$`;
/** Of canonical names. */
export const CANONICAL_PATTERN = `^${unanchored(HOST)}/(?![^:@]{${MAX_REPOSITORY + 1}})${path}(?::${unanchored(TAG)}|@${unanchored(DIGEST)})$`;

export interface ReferenceParts {
  /** `docker.io`, `registry.example:5000`. */
  readonly registry: string;
  /** `library/busybox`. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

export function parseDigest(text: string): Digest | undefined {
  return DIGEST.test(text) ? (text as Digest) : undefined;
}

/** The 64 digits. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

/** The first 12 digits, as Docker shows ids. */
export function shortId(digest: Digest): string {
  return hexOf(digest).slice(0, 12);
}

/**
 * Reads either spelling. Without a registry it is Docker Hub's, without a path there `library/`; a tag is not supplied.
 *
 * @returns what is wrong with it, as a sentence, when it is no name of an image
 */
export function parseReference(text: string): ReferenceParts | string {
  const at = text.indexOf('@');
  const digest = at === -1 ? undefined : parseDigest(text.slice(at + 1));
  if (at !== -1 && digest === undefined)
    return `"${text.slice(at + 1)}" is not a digest (sha256: and 64 hexadecimal digits)`;
  const rest = at === -1 ? text : text.slice(0, at);
  const slash = rest.lastIndexOf('/');
  const colon = rest.indexOf(':', slash + 1);
  const tag = colon === -1 ? undefined : rest.slice(colon + 1);
  if (tag !== undefined && !TAG.test(tag))
    return `"${tag}" is not a tag (letters, digits, "_", "." and "-"; 128 at most)`;
  const { registry, repository } = splitName(colon === -1 ? rest : rest.slice(0, colon));
  if (!HOST.test(registry)) return `"${registry}" is not a registry's host name`;
  if (!repository.split('/').every((part) => COMPONENT.test(part))) {
    return repository.toLowerCase() === repository
      ? `"${repository}" is not a repository's name (parts of lower-case letters, digits, ".", "_" and "-", separated by "/")`
      : `"${repository}" is not a repository's name: it must be lower case`;
  }
  if (repository.length > MAX_REPOSITORY) return `a repository's name has at most ${MAX_REPOSITORY} characters`;
  return {
    registry,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** The first part is a host when it could not be a repository: it has a dot, a port or capitals, or is `localhost`. */
function splitName(name: string): { readonly registry: string; readonly repository: string } {
  const slash = name.indexOf('/');
  const first = slash === -1 ? '' : name.slice(0, slash);
  const isHost = first !== '' && (/[.:A-Z[]/.test(first) || first === 'localhost');
  const registry = isHost ? first : DEFAULT_REGISTRY;
  const repository = isHost ? name.slice(slash + 1) : name;
  if (registry !== DEFAULT_REGISTRY && registry !== 'index.docker.io') return { registry, repository };
  return {
    registry: DEFAULT_REGISTRY,
    repository: repository.includes('/') ? repository : `library/${repository}`,
  };
}

/** With a digest the tag says nothing and is left out; with neither it is `latest`. */
export function canonicalReference(parts: ReferenceParts): ImageReference {
  const name = `${parts.registry}/${parts.repository}`;
  return (
    parts.digest === undefined ? `${name}:${parts.tag ?? DEFAULT_TAG}` : `${name}@${parts.digest}`
  ) as ImageReference;
}

/** As people write it: `busybox:latest`, `registry.example:5000/team/app@sha256:…`. */
export function familiarReference(reference: ImageReference): string {
  return familiarName(reference);
}

/** A repository as people write it: `busybox` for `docker.io/library/busybox`. */
export function familiarName(canonical: string): string {
  const hub = `${DEFAULT_REGISTRY}/`;
  if (!canonical.startsWith(hub)) return canonical;
  const rest = canonical.slice(hub.length);
  const library = 'library/';
  return rest.startsWith(library) && !rest.slice(library.length).includes('/') ? rest.slice(library.length) : rest;
}

/** The parts of a canonical reference. */
export function partsOf(reference: ImageReference): ReferenceParts {
  const parts = parseReference(reference);
  if (typeof parts === 'string') throw new TypeError(`${reference} is not canonical: ${parts}`);
  return parts;
}
