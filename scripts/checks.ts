import { spawn } from 'node:child_process';
import { globSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** One thing that must hold of the sources: a command that says so by exit code 0, and the one that mends it. */
export interface Check {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly cwd?: string;
  /** What to run, or do, when it fails. */
  readonly fix: string;
}

export interface Outcome {
  readonly check: Check;
  readonly isGood: boolean;
  readonly output: string;
}

const NOT_SOURCES = ['node_modules', 'docs', 'deploy'];

/** The folders with TypeScript. They are named to oxlint, which would otherwise walk node_modules. */
export function sourceFolders(root: string): readonly string[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !NOT_SOURCES.includes(entry.name))
    .map((entry) => entry.name)
    .sort();
}

export function sourceChecks(root: string): readonly Check[] {
  const lint = ['oxlint', '--type-aware', ...sourceFolders(root), 'vitest.config.ts'] as const;
  return [
    { name: 'format', command: ['biome', 'format', '--max-diagnostics=20', '.'], fix: 'npm run fix' },
    {
      name: 'lint',
      command: ['oxlint', ...lint.slice(1)],
      fix: `npm run fix    (and for the rest: npx ${lint.join(' ')})`,
    },
    { name: 'types', command: ['tsc', '-p', '.'], fix: 'npx tsc -p .    (shows them again; correct by hand)' },
    {
      name: 'types of the console',
      command: ['tsc', '-p', 'console'],
      fix: 'npx tsc -p console    (shows them again; correct by hand)',
    },
    {
      name: 'dead code',
      command: ['knip', '--no-progress'],
      fix: 'npx knip --fix --allow-remove-files    (or use what it names)',
    },
  ];
}

/** The folders with a go.mod, relative to the repository. */
function goModules(root: string): readonly string[] {
  return sourceFolders(root)
    .flatMap((folder) => globSync(`${folder}/{go.mod,*/go.mod}`, { cwd: root }))
    .map(dirname)
    .sort();
}

export function goChecks(root: string, go: string): readonly Check[] {
  return goModules(root).flatMap((module) => {
    const cwd = join(root, module);
    const correct = '    (correct by hand)';
    return [
      {
        name: `Go format, ${module}`,
        command: [
          'sh',
          '-c',
          'unformatted=$("$0" -l .) && echo "$unformatted" && [ -z "$unformatted" ]',
          join(go, '..', 'gofmt'),
        ],
        cwd,
        fix: `cd ${module} && gofmt -w .`,
      },
      { name: `go vet, ${module}`, command: [go, 'vet', './...'], cwd, fix: `cd ${module} && go vet ./...${correct}` },
      {
        name: `go test, ${module}`,
        command: [go, 'test', './...'],
        cwd,
        fix: `cd ${module} && go test ./...${correct}`,
      },
    ];
  });
}

/** Runs them, two at once, and prints each as it ends: a line when it is good, all of its output when it is not. */
export async function runChecks(checks: readonly Check[], print: (text: string) => void): Promise<readonly Outcome[]> {
  const waiting = checks.values();
  const outcomes: Outcome[] = [];
  const takeTurns = async (): Promise<void> => {
    for (const check of waiting) {
      const outcome = await runCheck(check);
      outcomes.push(outcome);
      print(render(outcome));
    }
  };
  await Promise.all([takeTurns(), takeTurns()]);
  return outcomes;
}

function render({ check, isGood, output }: Outcome): string {
  if (isGood) return `✓ ${check.name}`;
  return `✗ ${check.name}\n${output.trimEnd()}\n  to mend it: ${check.fix}\n`;
}

async function runCheck(check: Check): Promise<Outcome> {
  const [command, ...args] = check.command;
  const child = spawn(command, args, { cwd: check.cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const collect = (data: Buffer): void => {
    output += data.toString();
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ check, isGood: false, output: error.message }));
    child.on('close', (code) => resolve({ check, isGood: code === 0, output }));
  });
}
