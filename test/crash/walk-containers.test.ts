import { describe } from 'vitest';
import { killEachOf } from './killing.ts';
import { GROUPS_OF_CONTAINERS } from './walk.ts';

describe('a worker that is killed at any boundary of a job of containers', () => {
  killEachOf(GROUPS_OF_CONTAINERS);
});
