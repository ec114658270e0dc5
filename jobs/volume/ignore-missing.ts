import { isErrorCode } from '../../core/errors.ts';

/** For removals: what is gone already is as wanted. */
export async function ignoreMissing(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (thrown) {
    if (!isErrorCode(thrown, 'vcenter-not-found')) throw thrown;
  }
}
