import type { Exec, ExecProgress, ExecRecord } from '../core/exec.ts';
import type { Execs } from '../core/ports/execs.ts';
import { raise, type RedisClient } from './redis.ts';

const KEPT_S = 3_600;

export function createExecStore(client: RedisClient, prefix: string): Execs {
  const keyOf = (id: string): string => `${prefix}exec:${id}`;
  /** Only where the exec is still known: a field alone would make one that has no record. */
  const note = async (id: string, fields: Readonly<Record<string, number>>): Promise<void> => {
    if ((await client.expire(keyOf(id), KEPT_S).catch(raise)) === 0) return;
    await client.hset(keyOf(id), fields).catch(raise);
  };
  return {
    async create(record) {
      await client
        .multi()
        .hset(keyOf(record.id), 'record', JSON.stringify(record))
        .expire(keyOf(record.id), KEPT_S)
        .exec()
        .catch(raise);
    },
    async read(id) {
      return decode(await client.hgetall(keyOf(id)).catch(raise));
    },
    async begin(id) {
      if ((await client.expire(keyOf(id), KEPT_S).catch(raise)) === 0) return false;
      return (await client.hsetnx(keyOf(id), 'begun', '1').catch(raise)) === 1;
    },
    async keep(id, pid) {
      await note(id, pid === undefined ? { begun: 1 } : { begun: 1, pid });
    },
    async end(id, exitCode) {
      await note(id, { exitCode });
    },
  };
}

function decode({ record, ...fields }: Readonly<Record<string, string>>): Exec | undefined {
  return record === undefined ? undefined : { record: JSON.parse(record) as ExecRecord, progress: progressOf(fields) };
}

function progressOf({ begun, pid, exitCode }: Readonly<Record<string, string>>): ExecProgress {
  const process = pid === undefined ? {} : { pid: Number(pid) };
  if (exitCode !== undefined) return { state: 'over', exitCode: Number(exitCode), ...process };
  return begun === undefined ? { state: 'created' } : { state: 'running', ...process };
}
