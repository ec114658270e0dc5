import type { DatastorePath } from '../../core/ids.ts';
import type { StepContext } from '../define.ts';
import { ignoreMissing } from '../volume/ignore-missing.ts';

/** For an undo, which may be run twice: a directory that is gone is not removed again. */
export async function removeHome(context: StepContext<unknown, unknown>, home: DatastorePath): Promise<void> {
  const { files } = context.dataCentre;
  if ((await files.list(home, context.signal)) === undefined) return;
  await ignoreMissing(context.task(() => files.remove(home, context.fence)));
}
