import { describe, expect, test } from 'vitest';
import { readReport, renderFailure } from './test-report.ts';

const passedFile = {
  name: '/root/a.test.ts',
  status: 'passed',
  assertionResults: [{ status: 'passed', fullName: 'works' }],
};
const read = (testResults: readonly object[], exitCode: number) =>
  readReport(JSON.stringify({ numPassedTests: 3, testResults }), { root: '/root', exitCode });

describe('the end of npm test', () => {
  test('counts the tests', () => {
    expect(read([passedFile], 0)).toEqual({ passed: 3, failed: 0, failures: [] });
  });

  test('names each test that failed, with what was wrong and where, and nothing of the tools', () => {
    const why =
      '\u001b[31mAssertionError: expected 1 to be 2\u001b[39m\n    at b.test.ts:7:3\n    at new Promise (<anonymous>)\n    at /root/node_modules/vitest/x.js:1:1';
    const failed = { status: 'failed', fullName: 'suite breaks', failureMessages: [why] };
    const file = { name: '/root/b.test.ts', status: 'failed', assertionResults: [failed] };
    const { failures, ...counts } = read([passedFile, file], 1);
    expect(counts).toEqual({ passed: 3, failed: 1 });
    expect(failures.map(renderFailure)).toEqual([
      '✗ b.test.ts > suite breaks\n    AssertionError: expected 1 to be 2\n        at b.test.ts:7:3',
    ]);
  });

  test('has a file that could not be loaded as a failure', () => {
    const broken = { name: '/root/c.test.ts', status: 'failed', message: 'no such module', assertionResults: [] };
    expect(read([passedFile, broken], 1)).toEqual({
      passed: 3,
      failed: 1,
      failures: [{ name: 'c.test.ts', why: 'no such module' }],
    });
  });

  test('has an error outside any test as a failure', () => {
    expect(read([passedFile], 1)).toMatchObject({ passed: 3, failed: 1, failures: [{ name: 'vitest ended with 1' }] });
  });

  test('has the beginning of a long story', () => {
    const message = Array.from({ length: 100 }, (_, at) => `line ${at}`).join('\n');
    const broken = { name: '/root/c.test.ts', status: 'failed', message, assertionResults: [] };
    expect(read([broken], 1).failures[0]?.why).toMatch(/^line 0\n[\s\S]*line 24\n\(and 75 lines more\)$/);
  });
});
