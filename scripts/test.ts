import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { goChecks, type Outcome, runChecks, sourceChecks } from './checks.ts';
import { countTests, type TestCount } from './test-count.ts';

// `npm test`: all checks, then the tests. Arguments go to vitest: `npm test -- lab`. The last line is `N passed, N failed`,
// where a check that fails counts as one failure.

const root = join(import.meta.dirname, '..');

async function runAllChecks(go: string): Promise<readonly Outcome[]> {
  return runChecks([...sourceChecks(root), ...goChecks(root, go)], (text) => console.log(text));
}

function runTests(args: readonly string[], go: string): TestCount {
  const scratch = mkdtempSync(join(tmpdir(), 'stowage-test-'));
  const report = join(scratch, 'report.json');
  const reporting = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  // Tests that build Go programs get the Go that was found, which need not be the first on the PATH.
  const env = { ...process.env, PATH: `${dirname(go)}${delimiter}${process.env['PATH'] ?? ''}` };
  const { status } = spawnSync('vitest', ['run', ...reporting, ...args], { cwd: root, env, stdio: 'inherit' });
  try {
    return countTests(readFileSync(report, 'utf8'), status ?? 1);
  } catch (error) {
    console.error(`vitest left no report: ${error instanceof Error ? error.message : String(error)}`);
    return { passed: 0, failed: 1 };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

const go = execFileSync('sh', [join(root, 'scripts', 'find-go')], { encoding: 'utf8' }).trim();
const outcomes = await runAllChecks(go);
const tests = runTests(process.argv.slice(2), go);
const failedChecks = outcomes.filter((outcome) => !outcome.isGood);
for (const { check } of failedChecks) console.log(`✗ ${check.name}: see above; to mend it: ${check.fix}`);
const failed = tests.failed + failedChecks.length;
console.log(`${tests.passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
