import { expect, test } from 'vitest';
import { shareReads } from './shared-read.ts';

const never = new AbortController().signal;

/** Reads that end when they are told to. */
function stage() {
  const reads: PromiseWithResolvers<string>[] = [];
  const share = shareReads(() => {
    const read = Promise.withResolvers<string>();
    reads.push(read);
    return read.promise;
  });
  return { reads, share };
}

const begun = () => new Promise((resolve) => setImmediate(resolve));

test('those who ask at once share a read; who asks while it is under way gets a later one', async () => {
  const { reads, share } = stage();
  const early = [share(never), share(never)];
  await begun();
  const late = [share(never), share(never)];
  await begun();
  expect(reads).toHaveLength(1);
  reads[0]?.resolve('first');
  expect(await Promise.all(early)).toEqual(['first', 'first']);
  await begun();
  reads[1]?.resolve('second');
  expect(await Promise.all(late)).toEqual(['second', 'second']);
  expect(reads).toHaveLength(2);
});

test('a read that fails fails for those who share it, and the next is made', async () => {
  const { reads, share } = stage();
  const early = share(never);
  await begun();
  const late = share(never);
  reads[0]?.reject(new Error('cut'));
  await expect(early).rejects.toThrow('cut');
  await begun();
  reads[1]?.resolve('second');
  expect(await late).toBe('second');
});

test('who gives up does not spoil it for the others', async () => {
  const { reads, share } = stage();
  const gone = new AbortController();
  const [given, kept] = [share(gone.signal), share(never)];
  await begun();
  gone.abort();
  await expect(given).rejects.toMatchObject({ code: 'job-cancelled' });
  reads[0]?.resolve('first');
  expect(await kept).toBe('first');
});
