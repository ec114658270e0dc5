import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { goChecks, type Outcome, runChecks, sourceChecks } from './checks.ts';
import { readReport, renderFailure, type TestReport } from './test-report.ts';

// `npm test`: all checks, then the tests. Arguments go to vitest: `npm test -- lab`. The end of the output says once more what failed
// and why, for those who see no more of it; the last line is `N passed, N failed`, where a check that fails counts as one failure.

const root = join(import.meta.dirname, '..');
/** The last of what a check said tells why it failed. */
const CHECK_LINES = 30;

async function runAllChecks(go: string): Promise<readonly Outcome[]> {
  return runChecks([...sourceChecks(root), ...goChecks(root, go)], (text) => console.log(text));
}

function runTests(args: readonly string[], go: string): TestReport {
  const scratch = mkdtempSync(join(tmpdir(), 'stowage-test-'));
  const report = join(scratch, 'report.json');
  const reporting = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  // Tests that build Go programs get the Go that was found, which need not be the first on the PATH.
  const env = { ...process.env, PATH: `${dirname(go)}${delimiter}${process.env['PATH'] ?? ''}` };
  const { status } = spawnSync('vitest', ['run', ...reporting, ...args], { cwd: root, env, stdio: 'inherit' });
  try {
    return readReport(readFileSync(report, 'utf8'), { root, exitCode: status ?? 1 });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { passed: 0, failed: 1, failures: [{ name: 'vitest left no report', why }] };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

const go = execFileSync('sh', [join(root, 'scripts', 'find-go')], { encoding: 'utf8' }).trim();
const outcomes = await runAllChecks(go);
const tests = runTests(process.argv.slice(2), go);
const failedChecks = outcomes.filter((outcome) => !outcome.isGood);
for (const { check, output } of failedChecks) {
  const end = output.trimEnd().split('\n').slice(-CHECK_LINES).join('\n');
  console.log(renderFailure({ name: check.name, why: `${end}\nto mend it: ${check.fix}` }));
}
for (const failure of tests.failures) console.log(renderFailure(failure));
const failed = tests.failed + failedChecks.length;
console.log(`${tests.passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
