import type { RecordOf, RecordType, Versioned } from '../core/record.ts';
import type { StepContext } from './define.ts';

const PAGE = 500;

/** Every record of a type, by name. */
export async function readAll<T extends RecordType>(
  context: Pick<StepContext<unknown, unknown>, 'records'>,
  type: T,
): Promise<readonly Versioned<RecordOf<T>>[]> {
  const all: Versioned<RecordOf<T>>[] = [];
  let cursor: string | undefined;
  do {
    const page = await context.records.list(type, { limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
    all.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return all;
}
