import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Logger } from '../platform/log.ts';

const run = promisify(execFile);

export interface GuestBuild {
  /** The repository. */
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  readonly logger: Logger;
}

/**
 * Builds what boots in the machine of a container, unless it is there already: a kernel and an initramfs with the agent.
 *
 * @returns the directory that has them
 * @throws on a machine that cannot get Debian's kernel package
 */
export async function buildGuest({ root, env, logger }: GuestBuild): Promise<string> {
  const directory = join(root, 'node_modules', '.cache', 'stowage', 'guest');
  const { stdout: go } = await run('sh', [join(root, 'scripts', 'find-go')], { env, cwd: root });
  if (!existsSync(join(directory, 'manifest.json'))) logger.info('building the guest: a kernel and an agent');
  try {
    await run('sh', [join(root, 'guest', 'build'), directory], {
      cwd: join(root, 'guest'),
      env: { ...env, PATH: `${dirname(go.trim())}${delimiter}${env['PATH'] ?? ''}` },
      maxBuffer: 16 * 1024 * 1024,
    });
  } catch (error) {
    const output = (error instanceof Error && 'stderr' in error && String(error.stderr)) || String(error);
    throw new Error(`the guest does not build:\n${output}`, { cause: error });
  }
  return directory;
}
