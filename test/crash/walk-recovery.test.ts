import { describe } from 'vitest';
import { killEachOf } from './killing.ts';

describe('a worker that is killed at any boundary of a recovery', () => {
  // In this order: a container that is on a drained host, or that another scenario has left off on the host of a recovery, adds boundaries.
  killEachOf([
    { what: 'drains of hosts', isAlone: true, isOne: (kind) => kind.endsWith('drain') },
    { what: 'recoveries of hosts', isAlone: true, isOne: (kind) => kind === 'host.recover' },
    { what: 'recoveries of containers', isAlone: true, isOne: (kind) => kind === 'container.recover' },
  ]);
});
