import type { ImageLayer, Platform } from '../image.ts';
import type { ErrorFacts } from '../errors.ts';
import type { Digest, ReferenceParts } from '../reference.ts';

// What jobs and faces need of container registries (OCI distribution-spec 1.1, Docker Registry HTTP API V2). Every method rejects with
// a StowageError only, whose message names the registry's host, the repository and what to do.

/** What a caller shows to a registry. Never stored, never logged. */
export type RegistryCredentials =
  | { readonly type: 'password'; readonly username: string; readonly password: string }
  /** An identity token that a login gave (OAuth2 refresh token). */
  | { readonly type: 'identity-token'; readonly token: string }
  /** A bearer token, used as it is. */
  | { readonly type: 'registry-token'; readonly token: string };

/** Exactly the bytes that the registry gave, which hash to `digest`. */
export interface FetchedDocument {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

export interface ResolvedImage {
  /** What the tag or digest named: the index's digest where it is one. Docker prints this one. */
  readonly digest: Digest;
  /** The manifest for the platform. */
  readonly manifest: FetchedDocument;
  /** The image's configuration; its digest is the image's id. */
  readonly config: FetchedDocument;
  /** Lowest first; diffIDs from the configuration beside blobs from the manifest. */
  readonly layers: readonly ImageLayer[];
}

export interface BlobSource {
  readonly registry: string;
  readonly repository: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
}

export interface RegistryCall {
  readonly credentials?: RegistryCredentials;
  readonly signal: AbortSignal;
}

export interface Registry {
  /**
   * Reads the manifest that a tag or digest names (for the platform, where it is an index) and the configuration, and verifies all digests.
   * @throws `registry-not-allowed`, `registry-unreachable`, `registry-untrusted`, `registry-denied`, `image-unknown`, `image-invalid`,
   * `image-unsupported` (schema 1, foreign layers, no such platform), `registry-busy` (429, with its Retry-After), `registry-failed` (5xx)
   */
  resolve(reference: ReferenceParts, platform: Platform, call: RegistryCall): Promise<ResolvedImage>;
  /**
   * The blob from the byte `offset` on. A break in the middle is mended inside (Range, with backoff, a bounded number of times without
   * progress); what arrives is NOT verified: whoever reads it does. @throws as `resolve`; `blob-unknown`
   */
  blob(source: BlobSource, offset: number, call: RegistryCall): AsyncIterable<Uint8Array>;
  /**
   * Asks those registries, and those that the configuration names, for the root of their API: mirrors and the registry itself, each apart.
   * Rejects only when the signal fires.
   */
  examine(registries: readonly string[], signal: AbortSignal): Promise<readonly RegistryFinding[]>;
  /** The tags of a repository, all pages. */
  tags(reference: Pick<ReferenceParts, 'registry' | 'repository'>, call: RegistryCall): Promise<readonly string[]>;
  /** Are these credentials good for the registry? Resolves with an identity token where the registry gives one. @throws `registry-denied` */
  login(
    registry: string,
    credentials: RegistryCredentials,
    signal: AbortSignal,
  ): Promise<{ readonly identityToken: string }>;
  /** Where the registry can: Docker Hub's search, or the catalogue filtered by the term. @throws `operation-unsupported` where it cannot */
  search(
    registry: string,
    term: string,
    options: RegistryCall & { readonly limit: number },
  ): Promise<readonly RegistrySearchResult[]>;
  close(): Promise<void>;
}

export interface RegistryFinding {
  readonly registry: string;
  /** Host and port that were asked. */
  readonly endpoint: string;
  readonly isMirror: boolean;
  /** Whether the configuration, or an image that is there, has it. */
  readonly isNamed: boolean;
  /** Absent: it answers as a registry does; whether it lets anybody pull is another question. */
  readonly fault?: ErrorFacts;
}

export interface RegistrySearchResult {
  readonly name: string;
  readonly description: string;
  readonly stars: number;
  readonly isOfficial: boolean;
}

/** A layer's disk, as a file on this machine. */
export interface LayerFile {
  readonly file: string;
  /** Of the file; a multiple of 512. */
  readonly sizeBytes: number;
  /** Of the layer's regular files, as Docker counts. */
  readonly contentBytes: number;
  readonly impliedDirectories: readonly string[];
}

export type LayerPhase = 'waiting' | 'downloading' | 'extracting' | 'uploading';

export interface LayerMaker {
  /**
   * Fetches the layer's blob and turns it into a read-only disk in one streaming pass; blob digest and diffID are verified on the way. What
   * had arrived when a process died is kept in the spool (by the blob's digest) and is not fetched again on this machine. Bounded: so
   * many at once in this process, so many for each registry; it waits for its turn.
   * @param owner names the attempt; the files of two attempts never meet. Later owners of a layer sort after earlier ones
   * @throws as `Registry.blob`; `layer-invalid` (digest, diffID, corrupt, truncated, escapes its root), `layer-too-large`
   */
  make(
    layer: ImageLayer,
    source: BlobSource,
    owner: string,
    call: RegistryCall & { readonly onProgress?: (phase: LayerPhase, bytes: number) => void },
  ): Promise<LayerFile>;
  /** Removes what `make` left for this owner and for earlier ones, and the blob's spool when `isDone`. Safe to repeat. */
  forget(layer: ImageLayer, owner: string, isDone: boolean): Promise<void>;
}
