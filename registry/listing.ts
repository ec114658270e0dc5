import { z } from 'zod';
import { StowageError } from '../core/errors.ts';
import { type Answer, drop, readAll } from './caller.ts';
import type { AuthorizedCall, Authorizer } from './authorizer.ts';
import { parseJson } from './credentials.ts';
import { pullCall, type RepositoryCall } from './image-resolver.ts';

// Lists that come in pages: OCI distribution-spec, "Content Discovery".

const MAX_PAGE_BYTES = 16 * 1_048_576;
const MAX_PAGES = 1_000;
const PAGE_SIZE = 1_000;

const TagPage = z.object({ tags: z.array(z.string()).nullish() });
const CatalogPage = z.object({ repositories: z.array(z.string()).nullish() });

export class Listings {
  readonly #authorizer: Authorizer;

  constructor(authorizer: Authorizer) {
    this.#authorizer = authorizer;
  }

  /** @throws `image-unknown` */
  async tags(call: RepositoryCall): Promise<readonly string[]> {
    const target = `${call.repository}/tags/list?n=${PAGE_SIZE}`;
    const request = pullCall(call, { purpose: 'tags', target });
    const tags: string[] = [];
    for await (const page of this.#pages(request)) {
      tags.push(...(TagPage.safeParse(page).data?.tags ?? []));
    }
    return tags;
  }

  /** The repositories that `isWanted`, at most `limit`. @throws `operation-unsupported` */
  async catalog(
    call: Omit<AuthorizedCall, 'target' | 'purpose' | 'scope'>,
    isWanted: (name: string) => boolean,
    limit: number,
  ): Promise<readonly string[]> {
    const target = `_catalog?n=${PAGE_SIZE}`;
    const found: string[] = [];
    for await (const page of this.#pages({ ...call, purpose: 'search', target, scope: 'registry:catalog:*' })) {
      found.push(...(CatalogPage.safeParse(page).data?.repositories ?? []).filter(isWanted));
      if (found.length >= limit) break;
    }
    return found.slice(0, limit);
  }

  async *#pages(first: AuthorizedCall): AsyncGenerator<unknown, void, undefined> {
    let call: AuthorizedCall | undefined = first;
    const asked = new Set<string>();
    while (call !== undefined) {
      const answer: Answer = await this.#authorizer.send(call);
      if (answer.status !== 200) {
        await drop(answer);
        throw listFailure(answer.status, call);
      }
      const text = (await readAll(answer, MAX_PAGE_BYTES, call)).toString('utf8');
      yield parseJson(text);
      const next = nextPage(answer);
      // A server that links in a circle is not followed for ever.
      if (next === undefined || asked.has(next) || asked.size >= MAX_PAGES) return;
      asked.add(next);
      call = { ...first, target: new URL(next) };
    }
  }
}

/** RFC 8288, `Link: </v2/…?last=b&n=50>; rel="next"`. Only to where it came from: credentials go along. */
function nextPage(answer: Answer): string | undefined {
  const header = answer.headers.link;
  const text = typeof header === 'string' ? header : (header?.join(', ') ?? '');
  const match = /<([^>]*)>[^,]*;\s*rel="?next"?/i.exec(text);
  const next = match?.[1] === undefined ? null : URL.parse(match[1], answer.url.href);
  return next !== null && next.origin === answer.url.origin && !answer.isRedirected ? next.href : undefined;
}

function listFailure(status: number, { endpoint, purpose, subject }: AuthorizedCall): StowageError {
  if (purpose === 'search' && [404, 405, 501].includes(status)) {
    const message = `${endpoint.name} cannot be searched: it has neither /v1/search nor a catalogue; pull by the full name instead`;
    return new StowageError('operation-unsupported', message);
  }
  if (status === 404) return new StowageError('image-unknown', `${endpoint.name} has no repository ${subject}`);
  return new StowageError('registry-failed', `${endpoint.name} answered ${status} when asked for a list`);
}
