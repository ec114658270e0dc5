import { describe, expect, it } from 'vitest';
import { Pace } from './pace.ts';

/** A clock that only sleeping moves; timers are late by `lateMs`. */
function timing(lateMs = 0) {
  let now = 10_000;
  return {
    monotonicMs: () => now,
    sleep: async (ms: number) => {
      now += ms + lateMs;
    },
    pass: (ms: number) => {
      now += ms;
    },
  };
}

async function turns(pace: Pace, time: ReturnType<typeof timing>, count: number): Promise<readonly number[]> {
  const at: number[] = [];
  for (let done = 0; done < count; done += 1) {
    await pace.turn();
    pace.take();
    at.push(Math.round(time.monotonicMs() - 10_000));
  }
  return at;
}

describe('a pace', () => {
  it('gives the first turn at once, and then one after each interval', async () => {
    const time = timing();
    expect(await turns(new Pace(20, time), time, 5)).toEqual([0, 50, 100, 150, 200]);
  });

  it('keeps its rate where timers are late', async () => {
    const time = timing(3);
    const at = await turns(new Pace(500, time), time, 500);
    expect(at.at(-1)).toBeLessThan(1_010);
    expect(at.at(-1)).toBeGreaterThan(990);
  });

  it('does not make up for what it missed', async () => {
    const time = timing();
    const pace = new Pace(20, time);
    await turns(pace, time, 2);
    time.pass(60_000);
    const at = await turns(pace, time, 6);
    expect(at.map((ms) => ms - (at[0] ?? 0))).toEqual([0, 0, 50, 100, 150, 200]);
  });

  it('a turn that is not taken stays', async () => {
    const time = timing();
    const pace = new Pace(1, time);
    await pace.turn();
    await pace.turn();
    expect(time.monotonicMs()).toBe(10_000);
    pace.take();
    await pace.turn();
    expect(time.monotonicMs()).toBe(11_000);
  });
});
