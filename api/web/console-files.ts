import { stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { z } from 'zod';
import type { RestApp } from '../rest/parts.ts';
import { protectPage } from './headers.ts';
import { plainPage, sendPage } from './plain-page.ts';
import { ASSET, PAGE, PAGE_ROUTE } from './serving.ts';

/** Vite puts the hash of a file's content into the names of those here. */
const ASSETS = 'assets/';
const path = z.object({ '*': z.string() });

/** The console as it was built. It holds no data, so anybody may have it; what it shows it asks of the API, in the name of who signs in. */
export function consoleFiles(app: RestApp, { dir }: { readonly dir: string }): void {
  const root = resolve(dir);
  for (const url of ['/', '/console']) {
    app.route({
      method: 'GET',
      url,
      ...PAGE_ROUTE,
      handler: async (_request, reply) => await reply.redirect('/console/'),
    });
  }
  app.route({
    method: 'GET',
    url: '/console/*',
    ...PAGE_ROUTE,
    handler: async (request, reply) => {
      const name = path.parse(request.params)['*'];
      protectPage(reply);
      if (name.startsWith(ASSETS)) return await reply.sendFile(name, root, ASSET);
      if (await isFileBelow(root, name)) return await reply.sendFile(name, root, PAGE);
      if (await isFileBelow(root, 'index.html')) return await reply.sendFile('index.html', root, PAGE);
      return await sendPage(reply.code(503), NOT_BUILT);
    },
  });
}

/** Names of things have dots as well: `/console/hosts/esx1.example.com` is no file. */
async function isFileBelow(root: string, name: string): Promise<boolean> {
  const file = join(root, name);
  if (!file.startsWith(`${root}${sep}`) || name.includes('\0')) return false;
  return await stat(file).then(
    (found) => found.isFile(),
    () => false,
  );
}

const NOT_BUILT = plainPage('The console is not built', [
  'Build it with <code>npm run console</code>, and load this page again.',
  'The API is there: <a href="/docs/">its documentation</a>.',
]);
