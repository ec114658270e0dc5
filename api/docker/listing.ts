import type { RecordStore } from '../../core/ports/jobs.ts';
import type { RecordOf, RecordType } from '../../core/record.ts';

const PAGE = 20_000;

/** All records of a type, by name. Docker's API has no pages. */
export async function allRecords<T extends RecordType>(records: RecordStore, type: T): Promise<readonly RecordOf<T>[]> {
  const all: RecordOf<T>[] = [];
  let cursor: string | undefined;
  do {
    const page = await records.list(type, { limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
    for (const { record } of page.items) all.push(record);
    cursor = page.next;
  } while (cursor !== undefined);
  return all;
}
