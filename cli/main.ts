import { mkdirSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import packageJson from '../package.json' with { type: 'json' };

/** What is compiled is kept, so that the next command starts in half the time; in the user's own folder: a shared one could be tampered with. */
function keepCompiled(): void {
  const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  const dir = join(cache, 'stowage');
  // One after another: where no folder can be made, as below /proc, Node.js tries for ever to make several.
  if (isMade(cache) && isMade(dir)) enableCompileCache(dir);
}

function isMade(dir: string): boolean {
  try {
    mkdirSync(dir, { mode: 0o700 });
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EEXIST';
  }
}

keepCompiled();
const { exitCode } = await import('./command.ts');
const { processIo } = await import('./io.ts');
const { runProgram } = await import('./program.ts');

process.exitCode = exitCode(await runProgram(process.argv.slice(2), processIo(), packageJson.version));
