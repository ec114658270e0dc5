import { describe, expect, test } from 'vitest';
import { StowageError } from '../core/errors.ts';
import { abortError, orAborted } from './abort.ts';

describe('a signal that fired', () => {
  test('passes on its reason when that is one of the catalogue', () => {
    const reason = new StowageError('claim-lost', 'another worker has it');
    expect(abortError(AbortSignal.abort(reason))).toBe(reason);
  });

  test('is a deadline when it was a timeout, and else the caller', () => {
    const timeout = new DOMException('late', 'TimeoutError');
    expect(abortError(AbortSignal.abort(timeout))).toMatchObject({ code: 'deadline-exceeded' });
    expect(abortError(AbortSignal.abort())).toMatchObject({ code: 'job-cancelled' });
  });

  test('lets go of one who waits, and not of the others', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const impatient = new AbortController();
    const one = orAborted(promise, impatient.signal);
    const other = orAborted(promise, new AbortController().signal);
    impatient.abort();
    await expect(one).rejects.toMatchObject({ code: 'job-cancelled' });
    resolve('there');
    await expect(other).resolves.toBe('there');
  });

  test('leaves no failure unheard', async () => {
    const failing = Promise.reject(new Error('nobody hears this'));
    await expect(orAborted(failing, AbortSignal.abort())).rejects.toMatchObject({ code: 'job-cancelled' });
  });
});
