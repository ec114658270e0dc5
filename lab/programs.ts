import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where root's programs are, which not everybody has on the PATH. */
const ROOTS_FOLDERS = ['/usr/sbin', '/sbin'];

export function hasProgram(name: string, env: NodeJS.ProcessEnv): boolean {
  return [...(env['PATH'] ?? '').split(delimiter), ...ROOTS_FOLDERS].some((folder) => isProgram(join(folder, name)));
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The path of the first of these programs that the PATH has. @throws with what to install where it has none */
export function findProgram(
  names: readonly string[],
  { env, install }: { env: NodeJS.ProcessEnv; install: string },
): string {
  for (const name of names) {
    for (const folder of (env['PATH'] ?? '').split(delimiter)) {
      const path = join(folder, name);
      if (isProgram(path)) return path;
    }
  }
  const missing = names.length === 1 ? `${names[0]} is not` : `Neither ${names.join(' nor ')} is`;
  throw new Error(`${missing} on the PATH. On Debian and Ubuntu: apt-get install ${install}`);
}
