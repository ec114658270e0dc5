import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

// The picture of docs/architecture.md as lint errors: a forbidden import is planted for every edge that is not in it.

const FOLDERS = [
  'api',
  'console',
  'cli',
  'core',
  'gateway',
  'jobs',
  'lab',
  'platform',
  'registry',
  'store',
  'vsphere',
  'workers',
] as const;
type Folder = (typeof FOLDERS)[number];

const ALLOWED: Readonly<Record<Folder, readonly Folder[]>> = {
  api: ['core', 'jobs', 'platform'],
  console: [],
  cli: [],
  core: [],
  gateway: ['core', 'platform'],
  jobs: ['core'],
  lab: ['platform'],
  platform: [],
  registry: ['core', 'platform'],
  store: ['core', 'platform'],
  vsphere: ['core', 'platform'],
  workers: ['core', 'jobs', 'platform'],
};

const repository = join(import.meta.dirname, '..');
const planted = mkdtempSync(join(tmpdir(), 'stowage-layers-'));
let refused: ReadonlySet<string> = new Set();

const report = z.object({ diagnostics: z.array(z.object({ code: z.string(), filename: z.string() })) });

function plant(file: string, importedFile: string): void {
  mkdirSync(join(planted, file, '..'), { recursive: true });
  writeFileSync(join(planted, file), `import { thing } from '${importedFile}';\n\nexport const other = thing;\n`);
}

beforeAll(() => {
  copyFileSync(join(repository, '.oxlintrc.json'), join(planted, '.oxlintrc.json'));
  for (const from of FOLDERS) {
    for (const to of FOLDERS) {
      plant(`${from}/imports-${to}.ts`, from === to ? './thing.ts' : `../${to}/thing.ts`);
      plant(`${from}/deep/imports-${to}.ts`, from === to ? '../thing.ts' : `../../${to}/deep/thing.ts`);
    }
    plant(`${from}/imports-rig.ts`, './rig.ts');
    plant(`${from}/main.ts`, '../store/thing.ts');
    plant(`${from}/some.test.ts`, '../lab/thing.ts');
    plant(`${from}/imports-package.ts`, '@opentelemetry/api');
  }
  const { stdout } = spawnSync('oxlint', ['--format=json', ...FOLDERS], { cwd: planted, encoding: 'utf8' });
  const { diagnostics } = report.parse(JSON.parse(stdout));
  refused = new Set(
    diagnostics.filter((each) => each.code.includes('no-restricted-imports')).map((each) => each.filename),
  );
});

afterAll(() => rmSync(planted, { recursive: true }));

describe('layer edges', () => {
  test.each(FOLDERS)('%s/ may import what the picture says, and nothing else of ours', (from) => {
    const found = FOLDERS.filter((to) => !refused.has(`${from}/imports-${to}.ts`));
    const foundDeep = FOLDERS.filter((to) => !refused.has(`${from}/deep/imports-${to}.ts`));
    const expected = FOLDERS.filter((to) => to === from || ALLOWED[from].includes(to));
    expect({ found, foundDeep }).toEqual({ found: expected, foundDeep: expected });
  });

  test('only the mains of api and workers may construct adapters', () => {
    expect(FOLDERS.filter((folder) => !refused.has(`${folder}/main.ts`))).toEqual([
      'api',
      'gateway',
      'store',
      'workers',
    ]);
  });

  test('tests may use the lab; the product may not use the rigs of tests', () => {
    expect(FOLDERS.filter((folder) => refused.has(`${folder}/some.test.ts`))).toEqual([]);
    expect(FOLDERS.filter((folder) => !refused.has(`${folder}/imports-rig.ts`))).toEqual(['lab']);
  });

  test('packages are not taken for folders of ours', () => {
    expect(FOLDERS.filter((folder) => refused.has(`${folder}/imports-package.ts`))).toEqual([]);
  });
});
