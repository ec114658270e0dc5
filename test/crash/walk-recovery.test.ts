import { describe } from 'vitest';
import { killEachOf } from './killing.ts';

describe('a worker that is killed at any boundary of a recovery', () => {
  killEachOf([
    { what: 'recovery jobs', isAlone: true, isOne: (kind) => kind.endsWith('.recover') },
    // A host that is drained is one less for all others.
    { what: 'drains of hosts', isAlone: true, isOne: (kind) => kind.endsWith('drain') },
  ]);
});
