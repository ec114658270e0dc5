import { createRequire } from 'node:module';
import { dirname } from 'node:path';

/** Routes of pages are not of the API: its document does not have them. */
export const PAGE_ROUTE = { config: { access: 'public' }, schema: { hide: true } } as const;

/** The content is in the name. */
export const ASSET = { maxAge: '365d', immutable: true } as const;
/** Asked for again each time; an `ETag` saves sending it. */
export const PAGE = { maxAge: 0 } as const;

const require = createRequire(import.meta.url);

/** Where the files of a package lie. */
export function packageDir(name: string): string {
  return dirname(require.resolve(`${name}/package.json`));
}
