import { expect, test } from 'vitest';
import type { ContainerState } from '../../core/states.ts';
import { containerRecord } from './container-fixtures.ts';
import { dockerState, humanDuration, isAlive, statusText } from './container-state.ts';

const NOW = Date.parse('2026-11-24T12:00:00.000Z');
const run = { wanted: 'stopped', restarts: 0, startedAt: '2026-11-24T09:00:00.000Z' } as const;
const ended = { ...run, finishedAt: '2026-11-24T11:59:55.000Z', exitCode: 137 };

test.each<readonly [ContainerState, string, boolean, string]>([
  ['created', 'created', false, 'Created'],
  ['starting', 'created', false, 'Created'],
  ['running', 'running', true, 'Up 3 hours'],
  ['paused', 'paused', true, 'Up 3 hours (Paused)'],
  ['stopping', 'running', true, 'Up 3 hours'],
  ['exited', 'exited', false, 'Exited (137) 5 seconds ago'],
  ['recovering', 'restarting', true, 'Restarting (137) 3 hours ago'],
  ['removing', 'removing', false, 'Removal In Progress'],
  ['dead', 'dead', false, 'Dead'],
])('%s is shown as %s', (state, shown, alive, text) => {
  const record = containerRecord('web', { state, run: ended });
  expect([dockerState(record), isAlive(record), statusText(record, NOW)]).toEqual([shown, alive, text]);
});

test('a start by its policy is a restart', () => {
  expect(dockerState(containerRecord('web', { state: 'starting', run: { ...run, restarts: 2 } }))).toBe('restarting');
});

test.each([
  [-5, 'Less than a second'],
  [999, 'Less than a second'],
  [1_000, '1 second'],
  [59_000, '59 seconds'],
  [60_000, 'About a minute'],
  [45 * 60_000, '45 minutes'],
  [60 * 60_000, 'About an hour'],
  [47 * 3_600_000, '47 hours'],
  [48 * 3_600_000, '2 days'],
  [15 * 86_400_000, '2 weeks'],
  [90 * 86_400_000, '3 months'],
  [800 * 86_400_000, '2 years'],
])('%d ms are "%s"', (ms, text) => {
  expect(humanDuration(ms)).toBe(text);
});
