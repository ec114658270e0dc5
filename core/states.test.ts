import { describe, expect, it } from 'vitest';
import { isJobOver, JOB_STATES, type JobState, TABLES, transition, VOLUME_STATES, type VolumeState } from './states.ts';

describe('tables of states', () => {
  it.each(Object.entries(TABLES))(
    '%s: every state that may follow is one, and every state can be reached',
    (_, table) => {
      const states = Object.keys(table);
      const targets = Object.values<readonly string[]>(table).flat();
      expect(states).toEqual(expect.arrayContaining(targets));
      const [first = ''] = states;
      expect([...new Set([first, ...targets])].toSorted()).toEqual(states.toSorted());
    },
  );

  it('allows what the table says and nothing else', () => {
    for (const from of Object.keys(VOLUME_STATES) as VolumeState[]) {
      for (const to of Object.keys(VOLUME_STATES) as VolumeState[]) {
        const may = from === to || (VOLUME_STATES[from] as readonly string[]).includes(to);
        if (may) expect(transition('volume', from, to)).toBe(to);
        else expect(() => transition('volume', from, to)).toThrow(`a volume cannot go from ${from} to ${to}`);
      }
    }
  });

  it.each([
    ['creating', 'in-use'],
    ['in-use', 'deleting'],
    ['attaching', 'deleting'],
    ['expanding', 'attaching'],
    ['deleted', 'available'],
  ] as const)('a volume never goes from %s to %s', (from, to) => {
    expect(() => transition('volume', from, to)).toThrow();
  });

  it('every state that is under way has a way out when the job fails', () => {
    for (const state of ['creating', 'attaching', 'detaching', 'expanding', 'deleting'] as const) {
      expect(VOLUME_STATES[state]).toContain('failed');
    }
  });

  it('a job is over in the states that only a person leaves', () => {
    const over = (Object.keys(JOB_STATES) as JobState[]).filter(isJobOver);
    expect(over).toEqual(['succeeded', 'dead', 'failed', 'cancelled']);
    expect(() => transition('job', 'succeeded', 'running')).toThrow();
    expect(transition('job', 'dead', 'waiting')).toBe('waiting');
  });
});
