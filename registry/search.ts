import { z } from 'zod';
import type { RegistryCall, RegistrySearchResult } from '../core/ports/registry.ts';
import { DEFAULT_REGISTRY, familiarName } from '../core/reference.ts';
import type { AuthorizedCall, Authorizer } from './authorizer.ts';
import { drop, readAll } from './caller.ts';
import { parseJson } from './credentials.ts';
import type { Endpoint } from './endpoint.ts';
import type { Listings } from './listing.ts';

const MAX_ANSWER_BYTES = 16 * 1_048_576;
const HUB_SEARCH = 'https://index.docker.io/v1/search';

const V1Answer = z.object({
  results: z.array(
    z.object({
      name: z.string(),
      description: z.string().nullish(),
      star_count: z.number().nullish(),
      is_official: z.boolean().nullish(),
    }),
  ),
});

export interface SearchCall extends RegistryCall {
  readonly registry: string;
  readonly endpoint: Endpoint;
  readonly term: string;
  readonly limit: number;
}

/** By Docker's `/v1/search` where there is one, and else by the catalogue. */
export class Searcher {
  readonly #authorizer: Authorizer;
  readonly #listings: Listings;

  constructor(authorizer: Authorizer, listings: Listings) {
    this.#authorizer = authorizer;
    this.#listings = listings;
  }

  async search(call: SearchCall): Promise<readonly RegistrySearchResult[]> {
    const { endpoint, credentials, signal, registry, term, limit } = call;
    const base = { endpoint, credentials, signal, subject: registry };
    if (!endpoint.isMirror) {
      const found = await this.#v1(call, base);
      if (found !== undefined) return found.slice(0, limit);
    }
    const wanted = term.toLowerCase();
    const names = await this.#listings.catalog(base, (name) => name.includes(wanted), limit);
    return names.map((name) => ({
      name: familiarName(`${registry}/${name}`),
      description: '',
      stars: 0,
      isOfficial: false,
    }));
  }

  async #v1(
    { registry, term, limit }: SearchCall,
    base: Pick<AuthorizedCall, 'endpoint' | 'credentials' | 'signal' | 'subject'>,
  ): Promise<readonly RegistrySearchResult[] | undefined> {
    const query = new URLSearchParams({ q: term, n: String(limit) }).toString();
    const isHub = registry === DEFAULT_REGISTRY;
    // Relative to `/v2/`, because it is not known yet whether the registry speaks TLS. Docker Hub's index takes no tokens of the registry.
    const target = isHub ? new URL(`${HUB_SEARCH}?${query}`) : `../v1/search?${query}`;
    const call: AuthorizedCall = {
      ...base,
      ...(isHub ? { credentials: undefined } : {}),
      purpose: 'search',
      target,
      scope: 'registry:catalog:*',
    };
    const answer = await this.#authorizer.send(call);
    if (answer.status !== 200) {
      await drop(answer);
      return undefined;
    }
    const parsed = V1Answer.safeParse(parseJson((await readAll(answer, MAX_ANSWER_BYTES, call)).toString('utf8')));
    return parsed.data?.results.map((result) => ({
      name: isHub ? result.name : familiarName(`${registry}/${result.name}`),
      description: result.description ?? '',
      stars: result.star_count ?? 0,
      isOfficial: result.is_official ?? false,
    }));
  }
}
