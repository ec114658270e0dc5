import { describe, expect, test } from 'vitest';
import { countTests } from './test-count.ts';

const passedFile = { status: 'passed', assertionResults: [{ status: 'passed' }] };

describe('the count in the last line of npm test', () => {
  test('is that of the tests', () => {
    const json = JSON.stringify({ numPassedTests: 3, numFailedTests: 0, testResults: [passedFile] });
    expect(countTests(json, 0)).toEqual({ passed: 3, failed: 0 });
  });

  test('has a file that could not be loaded as a failure', () => {
    const broken = { status: 'failed', assertionResults: [] };
    const json = JSON.stringify({ numPassedTests: 3, numFailedTests: 0, testResults: [passedFile, broken] });
    expect(countTests(json, 1)).toEqual({ passed: 3, failed: 1 });
  });

  test('has an error outside any test as a failure', () => {
    const json = JSON.stringify({ numPassedTests: 3, numFailedTests: 0, testResults: [passedFile] });
    expect(countTests(json, 1)).toEqual({ passed: 3, failed: 1 });
  });
});
