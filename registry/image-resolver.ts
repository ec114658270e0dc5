import { StowageError } from '../core/errors.ts';
import type { Platform } from '../core/image.ts';
import type { FetchedDocument, RegistryCall, ResolvedImage } from '../core/ports/registry.ts';
import { familiarName, type ReferenceParts, shortId } from '../core/reference.ts';
import type { AuthorizedCall, Authorizer } from './authorizer.ts';
import { drop, readAll } from './caller.ts';
import type { Endpoint } from './endpoint.ts';
import {
  chooseManifest,
  type Descriptor,
  digestOf,
  readDocument,
  readLayers,
  readManifest,
  type Subject,
} from './manifest.ts';
import { ACCEPT_MANIFESTS } from './media-types.ts';

/** As containerd and distribution have it, for manifests and configurations alike. */
const MAX_DOCUMENT_BYTES = 4 * 1_048_576;
const MAX_INDEXES = 3;

export interface RepositoryCall extends RegistryCall {
  readonly endpoint: Endpoint;
  readonly registry: string;
  readonly repository: string;
}

export function pullCall(
  { endpoint, registry, repository, credentials, signal }: RepositoryCall,
  request: Pick<AuthorizedCall, 'purpose' | 'target' | 'headers'>,
): AuthorizedCall {
  const subject = familiarName(`${registry}/${repository}`);
  return { endpoint, credentials, signal, scope: `repository:${repository}:pull`, subject, ...request };
}

/** Reads one image at one endpoint. */
export class ImageResolver {
  readonly #authorizer: Authorizer;

  constructor(authorizer: Authorizer) {
    this.#authorizer = authorizer;
  }

  async resolve(reference: ReferenceParts, platform: Platform, call: RepositoryCall): Promise<ResolvedImage> {
    const named = reference.digest ?? reference.tag ?? 'latest';
    const subject = `${familiarName(`${call.registry}/${call.repository}`)}${reference.digest === undefined ? ':' : '@'}${named}`;
    const first = await this.#document(named, reference.digest, call, subject);
    let { document, shape } = first;
    for (let indexes = 0; shape === 'index'; indexes += 1) {
      if (indexes === MAX_INDEXES) throw new StowageError('image-invalid', `${subject}: its indexes do not end`);
      const chosen = chooseManifest(document, platform, subject);
      ({ document, shape } = await this.#document(chosen.digest, chosen.digest, call, subject));
    }
    const { config: wanted, layers: blobs } = readManifest(document, subject);
    const config = await this.#config(wanted, call, subject);
    const layers = readLayers(config, blobs, { platform, subject });
    return { digest: first.document.digest, manifest: document, config, layers };
  }

  async #document(
    named: string,
    expected: string | undefined,
    call: RepositoryCall,
    subject: Subject,
  ): Promise<ReturnType<typeof readDocument>> {
    const target = `${call.repository}/manifests/${named}`;
    const request = pullCall(call, { purpose: 'manifest', target, headers: { accept: ACCEPT_MANIFESTS } });
    const answer = await this.#authorizer.send(request);
    if (answer.status !== 200) {
      await drop(answer);
      throw manifestFailure(answer.status, call.endpoint, subject);
    }
    const bytes = await readAll(answer, MAX_DOCUMENT_BYTES, request);
    const actual = digestOf(bytes);
    if (expected !== undefined && actual !== expected) {
      const message = `${subject}: ${call.endpoint.name} gave another manifest (${actual}) than the one of this digest`;
      throw new StowageError('image-invalid', message);
    }
    const contentType = answer.headers['content-type'];
    return readDocument(bytes, typeof contentType === 'string' ? contentType : '', subject);
  }

  async #config(wanted: Descriptor, call: RepositoryCall, subject: Subject): Promise<FetchedDocument> {
    if (wanted.sizeBytes > MAX_DOCUMENT_BYTES) {
      throw new StowageError(
        'image-invalid',
        `${subject}: its configuration has more than ${MAX_DOCUMENT_BYTES} bytes`,
      );
    }
    const request = pullCall(call, { purpose: 'config', target: `${call.repository}/blobs/${wanted.digest}` });
    const answer = await this.#authorizer.send(request);
    if (answer.status !== 200) {
      await drop(answer);
      if (answer.status === 404) throw blobUnknown(wanted.digest, call);
      throw manifestFailure(answer.status, call.endpoint, subject);
    }
    const bytes = await readAll(answer, MAX_DOCUMENT_BYTES, request);
    if (digestOf(bytes) !== wanted.digest) {
      const message = `${subject}: the configuration that ${call.endpoint.name} gave is not that of its digest`;
      throw new StowageError('image-invalid', message);
    }
    return { digest: wanted.digest, mediaType: wanted.mediaType, bytes };
  }
}

export function blobUnknown(
  digest: Descriptor['digest'],
  call: Pick<RepositoryCall, 'endpoint' | 'registry' | 'repository'>,
): StowageError {
  const name = familiarName(`${call.registry}/${call.repository}`);
  return new StowageError('blob-unknown', `${call.endpoint.name} does not have the blob ${shortId(digest)} of ${name}`);
}

function manifestFailure(status: number, endpoint: Endpoint, subject: Subject): StowageError {
  return status === 404
    ? new StowageError(
        'image-unknown',
        `manifest for ${subject} not found: ${endpoint.name} has no such repository or tag`,
      )
    : new StowageError('registry-failed', `${endpoint.name} answered ${status} when asked for ${subject}`);
}
