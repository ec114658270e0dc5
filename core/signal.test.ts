import { expect, test } from 'vitest';
import { parseSignalName, SIGNAL_PATTERN, signalNumber } from './signal.ts';

test.each(['HUP', 'SIGTERM', '9', '31'])('%s is a signal, and documents say so', (text) => {
  const name = parseSignalName(text);
  expect(name).toBeDefined();
  expect(text).toMatch(new RegExp(SIGNAL_PATTERN, 'u'));
  if (name !== undefined) expect(parseSignalName(String(signalNumber(name)))).toBe(name);
});

test.each(['', 'SIG', '0', '32', 'SIGNONE', 'TERM ', '-9'])('%j is none', (text) => {
  expect(parseSignalName(text)).toBeUndefined();
  expect(text).not.toMatch(new RegExp(SIGNAL_PATTERN, 'u'));
});
