import type { DeadLetters } from '../core/ports/dead-letters.ts';
import type { DataCentre } from '../core/ports/data-centre.ts';
import type { Consumer, EntrySource } from '../core/ports/entries.ts';
import type { Guests } from '../core/ports/guests.ts';
import type { Claims, JobStore, RecordStore } from '../core/ports/jobs.ts';
import type { LeaderLease, Upkeep } from '../core/ports/leader.ts';
import type { Trails } from '../core/ports/trail.ts';
import type { QueueServer } from '../core/ports/queue-server.ts';
import type { WebhookOutbox } from '../core/ports/webhooks.ts';
import { asStowageError } from '../core/errors.ts';
import type { ImagePorts, World } from '../jobs/define.ts';
import type { Catalogue } from '../jobs/registry.ts';
import { createSubmit, type Submit } from '../jobs/submit.ts';
import type { Clock, RandomBytes } from '../platform/clock.ts';
import { type Logger, withLogContext } from '../platform/log.ts';
import { watchContainers } from './container-watcher.ts';
import { createExecutor } from './executor.ts';
import { HostLosses } from './host-losses.ts';
import { lead } from './leading.ts';
import { runRelay } from './relay/run.ts';
import type { WebhookSender } from './relay/sender.ts';
import { Turns } from './turns.ts';
import { watchInventory } from './watcher.ts';

/** The ports that a worker works through. */
export interface WorkerPorts {
  readonly jobs: JobStore;
  readonly deadLetters: DeadLetters;
  readonly claims: Claims;
  readonly records: RecordStore;
  readonly entrySource: EntrySource;
  readonly leader: LeaderLease;
  readonly upkeep: Upkeep;
  readonly trails: Trails;
  readonly dataCentre: DataCentre;
  readonly images: ImagePorts;
  readonly queueServer: QueueServer;
  readonly guests?: Guests;
  readonly outbox: WebhookOutbox;
  /** Absent: this worker relays no events to webhooks. */
  readonly webhookSender?: WebhookSender;
}

export interface WorkerSettings {
  readonly ports: WorkerPorts;
  readonly catalogue: Catalogue;
  readonly world: World;
  /** Names this process to people. */
  readonly name: string;
  readonly concurrency: number;
  readonly lockMs: number;
  readonly reconcileIntervalMs: number;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
}

export interface RunningWorker {
  /** Takes no more jobs, gives back those that run (another worker goes on with them), and hands the lead over. */
  close(): Promise<void>;
}

const PING_MS = 3_000;
const CLOSE_MS = 8_000;

/** Starts a worker: it takes entries of every lane, and stands for the lead. */
export async function openWorker(settings: WorkerSettings): Promise<RunningWorker> {
  const { ports, catalogue, world, logger, clock, randomBytes } = settings;
  const submit = createSubmit({
    catalogue,
    world,
    jobs: ports.jobs,
    records: ports.records,
    nowMs: () => clock.nowMs(),
    randomBytes,
  });
  const executor = createExecutor({
    ...ports,
    catalogue,
    world,
    submit,
    logger,
    clock,
    random: () => (randomBytes(1)[0] ?? 0) / 256,
    randomBytes,
    worker: settings.name,
    inLogContext: withLogContext,
  });
  ports.entrySource.onCanary(() => reportCanary(settings));
  const turns = new Turns(() => clock.nowMs(), settings.concurrency * catalogue.lanes.length);
  const stopTelling = turns.tell();
  const consumers: Consumer[] = [];
  for (const lane of catalogue.lanes) {
    const options = { concurrency: settings.concurrency, lockMs: settings.lockMs };
    consumers.push(
      await ports.entrySource.consume(lane, options, (entry) => turns.during(() => executor.handle(entry))),
    );
  }
  const leading = new AbortController();
  const led = ports.leader.run((term) => {
    const { graceMs } = world.recovery;
    const losses = new HostLosses({
      submit,
      records: ports.records,
      graceMs,
      logger,
      monotonicMs: () => clock.monotonicMs(),
    });
    const watch = async (signal: AbortSignal): Promise<void> => {
      const inventory = watchInventory(
        {
          inventory: ports.dataCentre.inventory,
          records: ports.records,
          stores: world.stores,
          logger,
          nowMs: () => clock.nowMs(),
          ...(world.containers === undefined ? {} : { onSnapshot: (snapshot) => losses.seen(snapshot) }),
        },
        signal,
      );
      await Promise.all([inventory, losses.run(signal)]);
    };
    const duties = {
      upkeep: ports.upkeep,
      submit,
      watch: async (signal: AbortSignal) => {
        await Promise.all([watch(signal), watchContainersOf(settings, submit, signal), relayOf(settings, signal)]);
      },
      lockMs: settings.lockMs,
      reconcileIntervalMs: settings.reconcileIntervalMs,
      logger,
    };
    return turns.leading(() => lead(duties, term));
  }, leading.signal);
  return {
    async close() {
      leading.abort();
      executor.shutDown();
      await Promise.all(consumers.map((consumer) => consumer.close(CLOSE_MS)));
      await led;
      stopTelling();
    },
  };
}

async function watchContainersOf(settings: WorkerSettings, submit: Submit, signal: AbortSignal): Promise<void> {
  const { ports, world, logger, clock } = settings;
  if (world.containers === undefined) return;
  const hasGuests = ports.guests !== undefined;
  await watchContainers(
    { ...ports, world: world.containers, hasGuests, submit, logger, nowMs: () => clock.nowMs() },
    signal,
  );
}

async function relayOf(settings: WorkerSettings, signal: AbortSignal): Promise<void> {
  const { ports, logger, clock, randomBytes } = settings;
  const { outbox, webhookSender: sender } = ports;
  if (sender === undefined) return;
  const chance = (): number => (randomBytes(1)[0] ?? 0) / 256;
  await runRelay({ outbox, sender, clock, logger, chance }, signal);
}

async function reportCanary(
  settings: WorkerSettings,
): Promise<{ worker: string; vcenter: 'ok' | 'unreachable'; vcenterFault?: string }> {
  try {
    await settings.ports.dataCentre.ping(AbortSignal.timeout(PING_MS));
    return { worker: settings.name, vcenter: 'ok' };
  } catch (thrown) {
    return { worker: settings.name, vcenter: 'unreachable', vcenterFault: asStowageError(thrown).message };
  }
}
