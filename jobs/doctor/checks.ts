import { z } from 'zod';
import { adviceOf, asStowageError } from '../../core/errors.ts';

// What an examination finds: one check for each thing that was looked at.

export const checkSchema = z.object({
  name: z
    .string()
    .describe('What was looked at, e.g. `vcenter.privileges` or `store.default`; stays the same between versions'),
  state: z.enum(['ok', 'warning', 'failed', 'skipped']),
  message: z.string(),
  advice: z.string().exactOptional().describe('What to do about it'),
});
export type Check = Readonly<z.infer<typeof checkSchema>>;

export const ok = (name: string, message: string): Check => ({ name, state: 'ok', message });
export const skipped = (name: string, message: string): Check => ({ name, state: 'skipped', message });
export const warning = (name: string, message: string, advice: string): Check => ({
  name,
  state: 'warning',
  message,
  advice,
});
export const failed = (name: string, message: string, advice: string): Check => ({
  name,
  state: 'failed',
  message,
  advice,
});

/** Nobody waits longer for one thing. */
const PATIENCE_MS = 20_000;

/** Looks at one thing: what cannot be looked at has failed, and the others are looked at all the same. Rejects only when the job's own signal fires. */
export async function examine(
  name: string,
  signal: AbortSignal,
  look: (signal: AbortSignal) => Promise<readonly Check[]>,
): Promise<readonly Check[]> {
  const timeUp = AbortSignal.timeout(PATIENCE_MS);
  try {
    return await look(AbortSignal.any([signal, timeUp]));
  } catch (thrown) {
    signal.throwIfAborted();
    if (timeUp.aborted) {
      return [
        failed(name, `no answer within ${PATIENCE_MS / 1_000} s`, 'See whether it is overloaded, and the way to it.'),
      ];
    }
    const { code, message } = asStowageError(thrown);
    return [failed(name, message, adviceOf(code))];
  }
}
