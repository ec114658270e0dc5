import { describe } from 'vitest';
import { Sleepers, stopEachOf } from './sleeping.ts';
import { GROUPS_OF_CONTAINERS } from './walk.ts';

describe('a worker that slept past its lock over containers', () => {
  stopEachOf(GROUPS_OF_CONTAINERS, Sleepers.open());
});
