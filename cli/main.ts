import { mkdirSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import packageJson from '../package.json' with { type: 'json' };

/** What is compiled is kept, so that the next command starts in half the time; in the user's own folder: a shared one could be tampered with. */
function keepCompiled(): void {
  const dir = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'stowage');
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch {
    // Node.js itself would try for ever where no folder can be made.
    return;
  }
  enableCompileCache(dir);
}

keepCompiled();
const { exitCode } = await import('./command.ts');
const { processIo } = await import('./io.ts');
const { runProgram } = await import('./program.ts');

process.exitCode = exitCode(await runProgram(process.argv.slice(2), processIo(), packageJson.version));
