import type { AuditEntry, AuditFilter, AuditLog, NewAuditEntry } from '../core/ports/audit.ts';
import type { StreamEntry } from './events.ts';
import { raise, type RedisClient } from './redis.ts';

/** Redis removes them by whole nodes of the stream, so there may be a few more. */
const KEPT = 100_000;
/** How many one listing looks at when few match. */
const SCAN_LIMIT = 5_000;
const SCAN_STEP = 1_000;

export function createAuditLog(client: RedisClient, prefix: string): AuditLog {
  const stream = `${prefix}audit`;
  return {
    async add(entry) {
      await client.xadd(stream, 'MAXLEN', '~', KEPT, '*', 'entry', JSON.stringify(entry)).catch(raise);
    },
    async list(filter, page) {
      const oldest = filter.sinceMs === undefined ? '-' : String(filter.sinceMs);
      // A time without its second part is the last of its millisecond here.
      const newest = filter.untilMs === undefined ? '+' : String(filter.untilMs);
      const isOpen = filter.actor !== undefined || filter.action !== undefined;
      const step = isOpen ? Math.max(page.limit + 1, SCAN_STEP) : page.limit + 1;
      const items: AuditEntry[] = [];
      let from = page.cursor === undefined ? newest : `(${page.cursor}`;
      for (let looked = 0; looked < SCAN_LIMIT; looked += step) {
        const entries = (await client
          .xrevrange(stream, from, oldest, 'COUNT', step)
          .catch(raise)) as readonly StreamEntry[];
        for (const entry of entries.map(decodeEntry)) {
          if (!matches(entry, filter)) continue;
          if (items.length === page.limit) return { items, next: items.at(-1)?.id ?? entry.id };
          items.push(entry);
        }
        if (entries.length < step) return { items };
        from = `(${entries.at(-1)?.[0] ?? ''}`;
      }
      return { items, next: from.slice(1) };
    },
  };
}

function decodeEntry([id, fields]: StreamEntry): AuditEntry {
  return { id, ...(JSON.parse(fields[1] ?? '{}') as NewAuditEntry) };
}

function matches(entry: AuditEntry, { actor, action }: AuditFilter): boolean {
  return (actor === undefined || entry.actor === actor) && (action === undefined || entry.action === action);
}
