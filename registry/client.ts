import { StowageError } from '../core/errors.ts';
import type { Platform } from '../core/image.ts';
import type {
  BlobSource,
  Registry,
  RegistryCall,
  RegistryCredentials,
  RegistryFinding,
  RegistrySearchResult,
  ResolvedImage,
} from '../core/ports/registry.ts';
import type { ReferenceParts } from '../core/reference.ts';
import type { Clock, RandomBytes } from '../platform/clock.ts';
import type { RegistryConfig } from '../platform/config.ts';
import type { Logger } from '../platform/log.ts';
import { matchesAny } from '../platform/registry-values.ts';
import { Authorizer } from './authorizer.ts';
import { BlobStreams } from './blob-stream.ts';
import { Caller } from './caller.ts';
import { Connections, type ProxyEnvironment } from './connections.ts';
import { AuthFileReader } from './credentials.ts';
import { type Endpoint, endpointsOf, ownEndpoint, registryName } from './endpoint.ts';
import { examineRegistries, namedRegistries } from './examine.ts';
import { abortError } from './failure.ts';
import { ImageResolver } from './image-resolver.ts';
import { Listings } from './listing.ts';
import { login } from './login.ts';
import { Searcher } from './search.ts';
import { TokenSource } from './token-source.ts';
import { DEFAULT_TUNING, type RegistryTuning } from './tuning.ts';

export interface RegistryOptions {
  readonly config: RegistryConfig;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Where `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are. A registry on a loopback address is always asked directly. */
  readonly environment: ProxyEnvironment;
  readonly tuning?: Partial<RegistryTuning>;
}

/** Registries, by their HTTP API V2. Connects when it is first asked. */
export function openRegistry(options: RegistryOptions): Registry {
  return new RegistryClient(options);
}

/** What the image itself is wrong in: another copy of it would not be better. */
const OF_THE_IMAGE: ReadonlySet<string> = new Set(['image-unsupported', 'job-cancelled', 'deadline-exceeded']);
const NOT_THERE: ReadonlySet<string> = new Set(['registry-unknown', 'registry-unreachable']);
/** Of these a mirror that says so has looked. */
const TELLING: ReadonlySet<string> = new Set(['image-unknown', 'image-invalid', 'blob-unknown', 'layer-invalid']);

class RegistryClient implements Registry {
  readonly #config: RegistryConfig;
  readonly #logger: Logger;
  readonly #connections: Connections;
  readonly #caller: Caller;
  readonly #tokens: TokenSource;
  readonly #authorizer: Authorizer;
  readonly #blobs: BlobStreams;
  readonly #resolver: ImageResolver;
  readonly #listings: Listings;
  readonly #searcher: Searcher;

  constructor({ config, logger, clock, random, environment, tuning: given }: RegistryOptions) {
    const tuning = { ...DEFAULT_TUNING, ...given };
    this.#config = config;
    this.#logger = logger;
    const { connectTimeoutMs } = tuning;
    this.#connections = new Connections({ certsDir: config.certsDir, environment, connectTimeoutMs });
    this.#caller = new Caller({ connections: this.#connections, clock, random, tuning });
    this.#tokens = new TokenSource(this.#caller, clock);
    this.#authorizer = new Authorizer(this.#caller, this.#tokens, new AuthFileReader(config.authFile));
    this.#blobs = new BlobStreams({ authorizer: this.#authorizer, logger, random, tuning });
    this.#resolver = new ImageResolver(this.#authorizer);
    this.#listings = new Listings(this.#authorizer);
    this.#searcher = new Searcher(this.#authorizer, this.#listings);
  }

  async resolve(reference: ReferenceParts, platform: Platform, call: RegistryCall): Promise<ResolvedImage> {
    const { registry, repository } = reference;
    return this.#anywhere(this.#endpoints(registry), call.signal, (endpoint) =>
      this.#resolver.resolve(reference, platform, { ...call, endpoint, registry, repository }),
    );
  }

  async *blob(source: BlobSource, offset: number, call: RegistryCall): AsyncGenerator<Uint8Array, void, undefined> {
    const { registry, repository } = source;
    const endpoints = this.#endpoints(registry);
    let at = offset;
    const refusals: StowageError[] = [];
    for (const [index, endpoint] of endpoints.entries()) {
      try {
        yield* this.#blobs.read(source, at, { ...call, endpoint, registry, repository }, (bytes) => {
          at += bytes;
        });
        return;
      } catch (error) {
        this.#passOver(error, { endpoint, refusals, isLast: index === endpoints.length - 1, signal: call.signal });
      }
    }
  }

  async examine(registries: readonly string[], signal: AbortSignal): Promise<readonly RegistryFinding[]> {
    const parts = { authorizer: this.#authorizer, endpoints: (name: string) => this.#endpoints(name) };
    return await examineRegistries(parts, namedRegistries(this.#config, registries), signal);
  }

  async tags(
    { registry, repository }: Pick<ReferenceParts, 'registry' | 'repository'>,
    call: RegistryCall,
  ): Promise<readonly string[]> {
    return this.#anywhere(this.#endpoints(registry), call.signal, (endpoint) =>
      this.#listings.tags({ ...call, endpoint, registry, repository }),
    );
  }

  async login(
    registry: string,
    credentials: RegistryCredentials,
    signal: AbortSignal,
  ): Promise<{ readonly identityToken: string }> {
    const name = this.#allowed(registryName(registry));
    const endpoint = ownEndpoint(name, this.#config.insecure);
    const parts = { caller: this.#caller, authorizer: this.#authorizer, tokens: this.#tokens };
    return { identityToken: await login(parts, { endpoint, credentials, signal }) };
  }

  async search(
    registry: string,
    term: string,
    { limit, ...call }: RegistryCall & { readonly limit: number },
  ): Promise<readonly RegistrySearchResult[]> {
    const name = this.#allowed(registryName(registry));
    const all = this.#endpoints(name);
    // The registry knows more than its mirrors, which are only asked when it cannot be.
    const endpoints = [...all.slice(-1), ...all.slice(0, -1)];
    return this.#anywhere(endpoints, call.signal, (endpoint) =>
      this.#searcher.search({ ...call, registry: name, endpoint, term, limit }),
    );
  }

  async close(): Promise<void> {
    await this.#connections.close();
  }

  #endpoints(registry: string): readonly Endpoint[] {
    return endpointsOf(this.#allowed(registry), this.#config);
  }

  #allowed(registry: string): string {
    const { allowed } = this.#config;
    if (allowed.length === 0 || matchesAny(allowed, registry)) return registry;
    const message = `the registry ${registry} may not be used here: allowed are ${allowed.join(', ')}`;
    throw new StowageError('registry-not-allowed', message);
  }

  async #anywhere<T>(
    endpoints: readonly Endpoint[],
    signal: AbortSignal,
    ask: (endpoint: Endpoint) => Promise<T>,
  ): Promise<T> {
    const refusals: StowageError[] = [];
    for (const [index, endpoint] of endpoints.entries()) {
      try {
        return await ask(endpoint);
      } catch (error) {
        this.#passOver(error, { endpoint, refusals, isLast: index === endpoints.length - 1, signal });
      }
    }
    throw new StowageError('internal-error', 'no endpoint');
  }

  /** Throws when nobody is left to ask, or nobody else would help. */
  #passOver(
    error: unknown,
    {
      endpoint,
      refusals,
      isLast,
      signal,
    }: { endpoint: Endpoint; refusals: StowageError[]; isLast: boolean; signal: AbortSignal },
  ): void {
    if (signal.aborted) throw abortError(signal);
    if (!(error instanceof StowageError) || OF_THE_IMAGE.has(error.code)) throw error;
    if (isLast) throw lastWord(error, refusals);
    refusals.push(error);
    this.#logger.warn({ registry: endpoint.name, code: error.code, reason: error.message }, 'passed over a registry');
  }
}

/** A mirror that answered knows more than a registry that cannot be asked. */
function lastWord(error: StowageError, refusals: readonly StowageError[]): StowageError {
  const [first] = refusals;
  if (first === undefined) return error;
  const telling = NOT_THERE.has(error.code) ? refusals.find((each) => TELLING.has(each.code)) : undefined;
  if (telling !== undefined)
    return new StowageError(telling.code, `${telling.message}; ${error.message}`, { cause: error });
  const { retryAfterMs } = error.details;
  return new StowageError(error.code, `${error.message} (before: ${first.message})`, {
    cause: error,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}
