import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Recipe } from './recipes.ts';
import { directory, file, type TarEntry } from './tar.ts';

const ROOTS = ['/usr/bin', '/usr/lib', '/usr/share'] as const;
const LARGEST_FILE_BYTES = 16 * 1024 * 1024;

/**
 * Layers of about the same size from this machine's own files: what real layers weigh and how well they compress. The
 * same machine gives the same layers; another one others.
 */
export function bigRecipe(base: Recipe, { layers, sizeBytes }: { layers: number; sizeBytes: number }): Recipe {
  const portions = portionsOf(layers, sizeBytes / layers);
  return {
    layers: portions.map((paths, index) => () => portionEntries(paths, index)),
    config: base.config,
    history: portions.map((_, index) => ({ createdBy: `/bin/sh -c #(nop) COPY dir:portion-${index} in /portion ` })),
  };
}

/** The files in their order by name, each layer's from another place among them, so that no two layers are alike. */
function portionsOf(count: number, portionBytes: number): readonly (readonly string[])[] {
  const all = ROOTS.flatMap((root) => filesBelow(root));
  const totalBytes = all.reduce((sum, each) => sum + each.sizeBytes, 0);
  const portions = Array.from({ length: count }, (): string[] => []);
  let offsetBytes = 0;
  for (const { path, sizeBytes } of all) {
    const index = Math.min(count - 1, Math.floor((offsetBytes / totalBytes) * count));
    if (offsetBytes - (totalBytes * index) / count < portionBytes) portions[index]?.push(path);
    offsetBytes += sizeBytes;
  }
  return portions;
}

interface Found {
  readonly path: string;
  readonly sizeBytes: number;
}

function filesBelow(folder: string): readonly Found[] {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((one, other) => (one.name < other.name ? -1 : 1));
  return entries.flatMap((entry): readonly Found[] => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    if (!entry.isFile()) return [];
    const { size } = lstatSync(path);
    return size <= LARGEST_FILE_BYTES ? [{ path, sizeBytes: size }] : [];
  });
}

function portionEntries(paths: readonly string[], index: number): readonly TarEntry[] {
  const root = `portion/${index}`;
  const folders = new Set(['portion', root]);
  const entries: TarEntry[] = [];
  for (const path of paths) {
    const parts = `${root}${path}`.split('/');
    for (let depth = 1; depth < parts.length; depth += 1) folders.add(parts.slice(0, depth).join('/'));
    entries.push(file(parts.join('/'), readFileSync(path), { mode: 0o644 }));
  }
  return [...[...folders].sort().map((path) => directory(path)), ...entries];
}
