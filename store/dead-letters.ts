import { StowageError } from '../core/errors.ts';
import type { JobId } from '../core/ids.ts';
import type { DeadLetters, DeadRun, DeadTally, Settled } from '../core/ports/dead-letters.ts';
import { createDeadGroups } from './dead-groups.ts';
import { createCount, createSelect } from './dead-selection.ts';
import { raise, type RedisClient } from './redis.ts';
import { replyOf, type Scripts } from './scripts.ts';

export interface DeadLettersParts {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly scripts: Scripts;
}

export function createDeadLetters(parts: DeadLettersParts): DeadLetters {
  const { client, prefix, scripts } = parts;
  const settle = async (run: DeadRun, id: JobId, verb: readonly [string, string]): Promise<Settled> => {
    const holder = JSON.stringify({ id: run.job, epoch: String(run.epoch), cutoff: Date.parse(run.cutoffAt) });
    const reply = replyOf(await scripts.run('redrive', `${prefix}job:${id}`, [id, run.actor, ...verb, holder]));
    const [outcome, ...tally] = reply;
    if (outcome === 'lost') throw new StowageError('claim-lost', `the run ${run.job} is another worker's now`);
    return { outcome: outcome as Settled['outcome'], tally: decodeTally(tally) };
  };
  return {
    groups: createDeadGroups(parts),
    select: createSelect(parts),
    count: createCount(parts),
    redrive: (run, id) => settle(run, id, ['redrive', '']),
    discard: (run, id, reason) => settle(run, id, ['discard', reason]),
    tally: async (run) =>
      decodeTally(await client.hmget(`${prefix}dead-run:${run}`, 'settled', 'over', 'dead').catch(raise)),
  };
}

function decodeTally([settled, over, dead]: readonly (string | null | undefined)[]): DeadTally {
  return { settled: Number(settled ?? '0'), over: Number(over ?? '0'), deadAgain: Number(dead ?? '0') };
}
