import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatKnownProcess, identify, isRunning, parseKnownProcess } from './process-identity.ts';

export interface DataDirLock {
  release(): void;
}

/**
 * Creates the data directory and takes it for this process.
 *
 * @throws when another copy that still runs has it
 */
export function lockDataDir(dir: string): DataDirLock {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const path = join(dir, 'lock');
  const self = identify(process.pid);
  if (self === undefined) throw new Error('this process cannot identify itself');
  const mine = formatKnownProcess(self);
  for (let tries = 0; tries < 10; tries += 1) {
    if (createWhole(path, mine)) {
      return {
        release: () => {
          if (readFileSync(path, 'utf8') === mine) rmSync(path);
        },
      };
    }
    const text = readIfThere(path);
    const holder = parseKnownProcess(text);
    if (holder !== undefined && isRunning(holder)) {
      throw new Error(
        `Another copy (process ${holder.pid}) uses the data directory ${dir}.\n` +
          'Stop it, or give this one its own STOWAGE_DATA_DIR (and STOWAGE_REST_LISTEN, STOWAGE_DOCKER_LISTEN, STOWAGE_LAB_LISTEN, STOWAGE_LAB_REGISTRY_LISTEN).',
      );
    }
    removeIfStill(path, text);
  }
  throw new Error(`the lock ${path} keeps changing hands`);
}

/** The lock appears with its content or not at all: a reader never sees it empty. */
function createWhole(path: string, text: string): boolean {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, text, { mode: 0o600 });
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft);
  }
}

/** Of two copies that find the same stale lock, the slower must not remove the new one of the faster. */
function removeIfStill(path: string, staleText: string): void {
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
    if (readFileSync(aside, 'utf8') !== staleText) linkSync(aside, path);
    rmSync(aside);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
