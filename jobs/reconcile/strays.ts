import type { DatastorePath } from '../../core/ids.ts';
import type { StrayRecord } from '../../core/volume.ts';
import type { StepContext } from '../define.ts';
import { readAll } from '../read-all.ts';
import { flagAgain, flagEvents } from './compare.ts';

/** In place of a volume store's name, which has no parentheses. */
export const STRAYS_OF_IMAGES = '(images)';
export const STRAYS_OF_CONTAINERS = '(containers)';

/** Records what is not known, tells it at the second pass, and forgets what is in order again among those that the caller looks for. */
export async function flagStrays(
  context: StepContext<unknown, unknown>,
  unknown: readonly { readonly name: DatastorePath; readonly store: string; readonly reason: string }[],
  isOurs: (stray: StrayRecord) => boolean,
): Promise<number> {
  const before = new Map((await readAll(context, 'stray')).map((each) => [each.record.name, each]));
  const seen = new Set<DatastorePath>();
  for (const { name, store, reason } of unknown) {
    seen.add(name);
    const known = before.get(name);
    const flag = flagAgain(known?.record.flag, reason, context.now());
    const record: StrayRecord = { type: 'stray', name, store, flag };
    await context.records.observe(
      [{ op: 'put', record, expectedRev: known?.rev ?? 0 }],
      flagEvents(`stray:${name}`, known?.record.flag, flag),
    );
  }
  for (const [name, { rev, record }] of before) {
    if (seen.has(name) || !isOurs(record)) continue;
    await context.records.observe(
      [{ op: 'remove', type: 'stray', name, expectedRev: rev }],
      flagEvents(`stray:${name}`, record.flag, undefined),
    );
  }
  return seen.size;
}
