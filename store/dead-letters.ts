import type { DeadLetters } from '../core/ports/dead-letters.ts';
import { createDeadGroups } from './dead-groups.ts';
import type { RedisClient } from './redis.ts';
import type { Scripts } from './scripts.ts';

export interface DeadLettersParts {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly scripts: Scripts;
}

export function createDeadLetters(parts: DeadLettersParts): DeadLetters {
  return { groups: createDeadGroups(parts) };
}
