import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { sourceFolders } from './checks.ts';

const folders = sourceFolders(join(import.meta.dirname, '..'));
const runs = [
  ['oxlint', '--type-aware', '--fix', ...folders],
  ['biome', 'format', '--write', '.'],
] as const;

for (const [command, ...args] of runs) {
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
