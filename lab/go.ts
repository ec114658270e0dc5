import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Logger } from '../platform/log.ts';

const run = promisify(execFile);
const OLD_MS = 86_400_000;

export interface GoBuild {
  /** The repository. */
  readonly root: string;
  /** The module's folder, below `root`. */
  readonly module: string;
  /** The package of the program, below the module. */
  readonly program: string;
  readonly env: NodeJS.ProcessEnv;
  readonly logger: Logger;
}

/**
 * Builds a Go program unless it is there already, built from the same sources.
 *
 * @returns the path of the executable
 */
export async function buildGo({ root, module, program, env, logger }: GoBuild): Promise<string> {
  const source = join(root, module);
  // A module may have several programs.
  const name = [module, program]
    .flatMap((path) =>
      path
        .split('/')
        .filter((part) => part !== '.')
        .slice(-1),
    )
    .join('-');
  const executable = join(root, 'node_modules', '.cache', 'stowage', `${name}-${hashOf(source)}`);
  if (existsSync(executable)) return executable;
  const { stdout: go } = await run('sh', [join(root, 'scripts', 'find-go')], { env, cwd: root });
  logger.info({ program: join(module, program) }, 'building');
  mkdirSync(dirname(executable), { recursive: true });
  // Under another name first: whoever finds the executable finds it whole.
  const draft = `${executable}.${process.pid}`;
  try {
    await run(go.trim(), ['build', '-trimpath', '-buildvcs=false', '-o', draft, `./${program}`], {
      cwd: source,
      env: { ...env, CGO_ENABLED: '0', GOFLAGS: '' },
      maxBuffer: 16 * 1024 * 1024,
    });
  } catch (error) {
    // What could not even be started has printed nothing.
    const output = (error instanceof Error && 'stderr' in error && String(error.stderr)) || String(error);
    throw new Error(`${module} does not build:\n${output}`, { cause: error });
  }
  renameSync(draft, executable);
  removeOld(dirname(executable), name);
  return executable;
}

/** Builds of other sources. A recent one may be about to be started by another copy, so it stays. */
function removeOld(cache: string, name: string): void {
  for (const file of globSync(`${name}-*`, { cwd: cache }).map((each) => join(cache, each))) {
    if (Date.now() - statSync(file).mtimeMs > OLD_MS) rmSync(file, { force: true });
  }
}

function hashOf(source: string): string {
  const hash = createHash('sha256');
  const files = globSync(['**/*', '*'], { cwd: source, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('_test.go'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.startsWith(join(source, 'bin/')));
  for (const file of [...new Set(files)].sort())
    hash
      .update(`${file.slice(source.length)}\0`)
      .update(readFileSync(file))
      .update('\0');
  return hash.update(`${process.platform}/${process.arch}`).digest('hex').slice(0, 16);
}
