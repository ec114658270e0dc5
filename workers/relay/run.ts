import { asStowageError } from '../../core/errors.ts';
import { pause } from '../../platform/pause.ts';
import { type DispatchParts, Dispatcher } from './dispatch.ts';
import { fanOutEvents } from './fan-out.ts';
import { continueReplays } from './replay.ts';

const UPKEEP_MS = 1_000;
const AGAIN_MS = 1_000;

/**
 * The outbox relay, in the process that leads: turns events into deliveries, sends these, plans replays, and deletes what removed endpoints
 * left. Never rejects; resolves when the signal has fired and nothing is under way.
 */
export async function runRelay(parts: DispatchParts, signal: AbortSignal): Promise<void> {
  const { outbox, logger } = parts;
  const dispatcher = new Dispatcher(parts);
  const keepUp = async (name: string, work: () => Promise<void>): Promise<void> => {
    while (!signal.aborted) {
      try {
        await work();
      } catch (thrown) {
        if (signal.aborted) return;
        logger.warn({ err: asStowageError(thrown), task: name }, 'the webhook relay failed; it goes on');
        await pause(AGAIN_MS, signal);
      }
    }
  };
  await Promise.all([
    keepUp('fan-out', () => fanOutEvents({ outbox, onPlanned: () => dispatcher.wake() }, signal)),
    keepUp('dispatch', () => dispatcher.run(signal)),
    keepUp('upkeep', async () => {
      const isMore = [await continueReplays(outbox), await outbox.purge()];
      if (isMore.includes(true)) dispatcher.wake();
      else await pause(UPKEEP_MS, signal);
    }),
  ]);
}
