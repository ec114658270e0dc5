import { execFile } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * The file of a Debian package: downloaded once, never installed.
 *
 * @param dir keeps it; a file that is there is used as it is, so that nothing is downloaded again
 * @throws where there is no apt, or it cannot download
 */
export async function fetchPackage(name: string, dir: string): Promise<string> {
  mkdirSync(dir, { recursive: true });
  const [kept] = globSync(`${name}_*.deb`, { cwd: dir }).sort();
  if (kept !== undefined) return join(dir, kept);
  const scratch = mkdtempSync(join(dir, 'download-'));
  try {
    await download(name, scratch);
    const [fetched] = globSync(`${name}_*.deb`, { cwd: scratch });
    if (fetched === undefined) throw new Error(`apt-get has not downloaded ${name}`);
    renameSync(join(scratch, fetched), join(dir, fetched));
    return join(dir, fetched);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Calls `use` with a folder that holds the package's files, for as long as that takes. */
export async function withUnpacked<T>(packageFile: string, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(`${packageFile}.`);
  try {
    await run('dpkg-deb', ['-x', packageFile, folder]);
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function download(name: string, cwd: string): Promise<void> {
  try {
    await run('apt-get', ['-qq', 'download', name], { cwd });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new Error(`The lab's images are made from the Debian package ${name}, and there is no apt-get`, {
        cause: error,
      });
    }
    await downloadWithOwnLists(name, cwd);
  }
}

/** The machine's package lists may be missing, or older than what the mirror still has, and only root may renew them. */
async function downloadWithOwnLists(name: string, cwd: string): Promise<void> {
  mkdirSync(join(cwd, 'lists', 'partial'), { recursive: true });
  mkdirSync(join(cwd, 'cache', 'archives', 'partial'), { recursive: true });
  const own = ['-o', `Dir::State::Lists=${join(cwd, 'lists')}`, '-o', `Dir::Cache=${join(cwd, 'cache')}`];
  try {
    await run('apt-get', ['-qq', ...own, 'update'], { cwd });
    await run('apt-get', ['-qq', ...own, 'download', name], { cwd });
  } catch (error) {
    const output = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    throw new Error(
      `The Debian package ${name}, of which the lab's images are made, cannot be downloaded:\n${output}`,
      {
        cause: error,
      },
    );
  }
}
