import type { Page, PageRequest, RecordStore } from '../core/ports/jobs.ts';
import type { RecordOf, RecordType, Versioned } from '../core/record.ts';
import { readFields } from './fields.ts';
import { encodeChange, recordIndex, recordKey } from './keys.ts';
import { raise, type RedisClient } from './redis.ts';
import type { Scripts } from './scripts.ts';

export function createRecordStore(client: RedisClient, prefix: string, scripts: Scripts): RecordStore {
  const decode = <T extends RecordType>(
    rev: string | null | undefined,
    body: string | null | undefined,
  ): Versioned<RecordOf<T>> | undefined =>
    rev === null || rev === undefined || body === null || body === undefined
      ? undefined
      : { rev: Number(rev), record: JSON.parse(body) as RecordOf<T> };

  return {
    async read<T extends RecordType>(type: T, name: string) {
      const [rev, body] = await client.hmget(`${prefix}${recordKey(type, name)}`, 'rev', 'body').catch(raise);
      return decode<T>(rev, body);
    },
    async list<T extends RecordType>(type: T, page: PageRequest): Promise<Page<Versioned<RecordOf<T>>>> {
      const from = page.cursor === undefined ? '-' : `(${page.cursor}`;
      const names = await client
        .zrangebylex(`${prefix}${recordIndex(type)}`, from, '+', 'LIMIT', 0, page.limit + 1)
        .catch(raise);
      const shown = names.slice(0, page.limit);
      const keys = shown.map((name) => recordKey(type, name));
      const rows = await readFields(scripts, prefix, { keys, fields: ['rev', 'body'] });
      const items = rows.flatMap(([rev, body]) => {
        const item = decode<T>(rev, body);
        return item === undefined ? [] : [item];
      });
      const last = shown.at(-1);
      return { items, ...(names.length > page.limit && last !== undefined ? { next: last } : {}) };
    },
    async observe(changes, events) {
      const write = {
        records: changes.map(encodeChange),
        events: events.map((event) => ({ type: event.type, subject: event.subject, data: JSON.stringify(event.data) })),
      };
      const reply = await scripts.run('observe', `${prefix}recs`, [JSON.stringify(write)]);
      return reply as 'done' | 'stale' | 'busy';
    },
  };
}
