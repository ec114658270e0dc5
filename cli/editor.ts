import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Run } from './command.ts';
import { Failure, usageFailure } from './failure.ts';
import { parseJson } from './input.ts';

/** A document as somebody changed it in their editor; undefined: it is as it was. */
export async function editJson({ io }: Run, document: unknown, name: string): Promise<unknown> {
  const editor = io.env['VISUAL'] || io.env['EDITOR'] || 'vi';
  if (!io.isInTerminal && !io.env['VISUAL'] && !io.env['EDITOR']) {
    throw usageFailure('--edit needs a terminal, or an editor in VISUAL or EDITOR', 'Use --payload instead.');
  }
  const dir = mkdtempSync(join(tmpdir(), 'stowage-'));
  const file = join(dir, `${name}.json`);
  try {
    const before = `${JSON.stringify(document, null, 2)}\n`;
    writeFileSync(file, before, { mode: 0o600 });
    // As git does: what the variable has may be a command with options.
    const child = spawn('sh', ['-c', `${editor} "$1"`, 'sh', file], { stdio: 'inherit' });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0)
      throw new Failure('failed', `the editor (${editor}) ended with ${code ?? 'a signal'}; nothing was done`);
    const after = readFileSync(file, 'utf8');
    return after === before ? undefined : parseJson(after, 'what was edited');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
