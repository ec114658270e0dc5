import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { z } from 'zod';

/** A test that failed, or what kept tests from running. */
export interface Failure {
  readonly name: string;
  readonly why: string;
}

export interface TestReport {
  readonly passed: number;
  readonly failed: number;
  readonly failures: readonly Failure[];
}

const report = z.object({
  numPassedTests: z.number(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(
        z.object({
          status: z.string(),
          fullName: z.string(),
          failureMessages: z.array(z.string()).nullish(),
        }),
      ),
    }),
  ),
});

/** So much of a failure tells why. */
const LINES = 25;

/**
 * The tests that vitest's JSON report names. A file that could not even be loaded, and an error outside any test (which only
 * the exit code tells), count as one failure each.
 */
export function readReport(json: string, { root, exitCode }: { root: string; exitCode: number }): TestReport {
  const { numPassedTests, testResults } = report.parse(JSON.parse(json));
  const failures = testResults.flatMap((file): readonly Failure[] => {
    const path = relative(root, file.name);
    const failed = file.assertionResults.filter((test) => test.status === 'failed');
    if (failed.length === 0 && file.status === 'failed') return [{ name: path, why: shorten(file.message ?? '') }];
    return failed.map(({ fullName, failureMessages }) => ({
      name: `${path} > ${fullName}`,
      why: shorten((failureMessages ?? []).join('\n')),
    }));
  });
  const outside = { name: `vitest ended with ${exitCode}`, why: 'an error outside any test: see above' };
  const all = failures.length === 0 && exitCode !== 0 ? [outside] : failures;
  return { passed: numPassedTests, failed: all.length, failures: all };
}

/** What the tool said, without colours; of much, the first lines. */
function shorten(text: string): string {
  const lines = stripVTControlCharacters(text)
    .split('\n')
    .filter((line) => line.trim() !== '' && !/\/node_modules\/|<anonymous>/.test(line));
  return [...lines.slice(0, LINES), ...(lines.length > LINES ? [`(and ${lines.length - LINES} lines more)`] : [])].join(
    '\n',
  );
}

/** As `npm test` prints it at its end. */
export function renderFailure({ name, why }: Failure): string {
  return [`✗ ${name}`, ...why.split('\n').map((line) => `    ${line}`)].join('\n');
}
