import { describe } from 'vitest';
import { type Inhabitants, openInhabitants, planGateway } from '../harness/inhabitants.ts';
import { deathsAtGuests, guestScenarios } from './guest-scenarios.ts';
import { killEachOf } from './killing.ts';
import { Walk } from './walk.ts';

const KEY = 'k'.repeat(32);

describe('a worker that is killed while it talks to a guest', () => {
  let inside: Inhabitants | undefined;
  const here = (): Inhabitants => {
    if (inside === undefined) throw new Error('nobody is there yet');
    return inside;
  };
  killEachOf([{ what: 'what it began with guests', isOne: () => true }], {
    async open() {
      const { ports, env } = await planGateway(KEY);
      const walk = await Walk.open({ scenarios: guestScenarios(here), env: { ...env, CRASH_GUESTS: '1' } });
      inside = await openInhabitants(walk.crash.system, ports, KEY);
      return walk;
    },
    close: () => here().close(),
    choose: deathsAtGuests,
  });
});
