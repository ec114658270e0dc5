import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { asStowageError, isErrorCode, StowageError } from '../core/errors.ts';
import { type Moref, type TaskRef, taskRef } from '../core/ids.ts';
import type { MachinesChange } from '../core/ports/machines.ts';
import { SessionLost, type VimCaller } from './caller.ts';
import { InventoryFeed, type InventoryListener } from './inventory-feed.ts';
import { MachineFeeds } from './machine-feeds.ts';
import { abortError } from './abort.ts';
import { readObject } from './properties.ts';
import { asMoref, buildRig, destroyRig, modifyTaskList, type Rig } from './collector-rig.ts';
import type { Vim } from './schema/vim.ts';
import type { Login } from './session.ts';
import { TaskProgress } from './task-progress.ts';
import { TaskWatch, unknownTask, type WaitOptions, WATCHED_TASK_PATHS } from './task-watch.ts';

export interface CollectorOptions {
  readonly caller: VimCaller;
  readonly logger: Logger;
  /** How long vCenter may hold a poll that has nothing to say. */
  readonly pollSeconds: number;
}

const BACKOFF_FIRST_MS = 50;
const BACKOFF_LAST_MS = 1_000;
/** Tasks that are over leave the list with the next that come, or after this. */
const REMOVAL_DELAY_MS = 1_000;
/** While nobody waits for a Task, so long is rested after an answer: what changes meanwhile comes in one. */
const REST_MS = 250;

/**
 * The one PropertyCollector loop of a process: for all Tasks that somebody waits for and, when watched, the inventory and folders
 * of machines.
 *
 * idle → (somebody waits) → polling → (session or network lost) → backing off → polling → … → (nobody waits when a poll ends) →
 * idle → closed.
 * While it backs off its waiters stay; with a new rig all their Tasks are listed again.
 */
export class Collector {
  readonly #caller: VimCaller;
  readonly #logger: Logger;
  readonly #pollSeconds: number;
  readonly #watches = new Map<TaskRef, TaskWatch>();
  readonly #inventory = new InventoryFeed();
  readonly #machines = new MachineFeeds();
  readonly #closing = new AbortController();
  readonly #progress: TaskProgress;
  #login: Login | undefined;
  #rig: Rig | undefined;
  #loop: Promise<void> | undefined;
  #flushing: Promise<void> | undefined;
  #toAdd = new Set<TaskRef>();
  #toRemove = new Set<TaskRef>();
  /** Every Task that the rig's list ever had: vCenter reports an object that comes back only when it changes. */
  #listed = new Set<TaskRef>();
  #removalTimer: NodeJS.Timeout | undefined;
  #endRest: (() => void) | undefined;

  constructor(options: CollectorOptions) {
    this.#caller = options.caller;
    this.#logger = options.logger;
    this.#pollSeconds = options.pollSeconds;
    this.#progress = new TaskProgress(options.caller, this.#watches, this.#closing.signal);
  }

  /** @throws the Task's fault translated; `vcenter-not-found`; the signal's reason; what makes a login impossible */
  async waitForTask(ref: TaskRef, options: WaitOptions): Promise<unknown> {
    if (options.signal.aborted) throw abortError(options.signal);
    this.#assertOpen();
    let watch = this.#watches.get(ref);
    if (watch === undefined) {
      watch = new TaskWatch(ref);
      this.#watches.set(ref, watch);
      this.#toAdd.add(ref);
    }
    const over = watch.wait(options, () => this.#forget(ref));
    if (options.onProgress !== undefined) this.#progress.begin();
    this.#ensureLoop();
    this.#flushSoon();
    // The poll is under way when the Task comes into the list.
    this.#endRest?.();
    return over;
  }

  /** Resolves when the signal fires. */
  async watchInventory(listener: InventoryListener, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    this.#assertOpen();
    this.#inventory.add(listener);
    this.#watchMore();
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    this.#inventory.remove(listener);
  }

  /** Resolves when the signal fires. @throws `vcenter-not-found` when the folder is gone */
  async watchMachines(folder: Moref, onChange: (change: MachinesChange) => void, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    this.#assertOpen();
    const watching = this.#machines.watch(folder, onChange, signal);
    this.#watchMore();
    await watching;
  }

  /** The loop runs with a rig for all that is watched. */
  #watchMore(): void {
    if (this.#rig !== undefined && this.#isOutgrown(this.#rig)) this.#rig.broken.abort(new RigOutgrown());
    this.#ensureLoop();
  }

  #isOutgrown(rig: Rig): boolean {
    const isNew = (folder: Moref): boolean => !rig.machineFilters.has(folder);
    return (this.#inventory.isWanted && rig.inventoryFilter === undefined) || this.#machines.folders.some(isNew);
  }

  async close(): Promise<void> {
    clearTimeout(this.#removalTimer);
    this.#progress.stop();
    this.#inventory.stop();
    this.#closing.abort(closedError());
    this.#endRest?.();
    await this.#loop;
    await this.#flushing;
    this.#failAll(closedError());
    if (this.#rig !== undefined) await destroyRig(this.#caller, this.#rig);
    this.#rig = undefined;
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted) throw closedError();
  }

  get #isWanted(): boolean {
    return !this.#closing.signal.aborted && this.#hasWork;
  }

  get #hasWork(): boolean {
    return this.#watches.size > 0 || this.#inventory.isWanted || this.#machines.folders.length > 0;
  }

  #ensureLoop(): void {
    this.#loop ??= this.#run().finally(() => {
      this.#loop = undefined;
      if (this.#isWanted) this.#ensureLoop();
    });
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (this.#isWanted) {
      try {
        const rig = await this.#ensureRig();
        const update = await this.#poll(rig);
        if (update !== undefined) this.#apply(rig, update);
        failures = 0;
        if (update?.truncated !== true) await this.#rest();
      } catch (error) {
        await this.#recover(asStowageError(error), failures);
        failures += 1;
      }
    }
  }

  /** Ended by a Task that is to be watched. */
  async #rest(): Promise<void> {
    if (this.#watches.size > 0 || !this.#isWanted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, REST_MS);
    this.#endRest = resolve;
    await promise;
    clearTimeout(timer);
    this.#endRest = undefined;
  }

  async #ensureRig(): Promise<Rig> {
    if (this.#rig !== undefined) return this.#rig;
    const signal = this.#closing.signal;
    this.#login = await this.#caller.session.current(signal);
    const withInventory = this.#inventory.isWanted;
    const folders = this.#machines.folders;
    const rig = await buildRig(this.#caller, { login: this.#login, withInventory, folders, signal });
    this.#inventory.renew();
    this.#machines.renew(rig);
    this.#listed = new Set();
    this.#toAdd = new Set(this.#watches.keys());
    this.#toRemove = new Set();
    this.#rig = rig;
    this.#flushSoon();
    return rig;
  }

  async #poll(rig: Rig): Promise<Vim<'UpdateSet'> | undefined> {
    if (this.#isOutgrown(rig)) throw new RigOutgrown();
    if (!this.#caller.session.isCurrent(rig.login)) throw new SessionLost();
    const options = { maxWaitSeconds: this.#pollSeconds };
    const params = rig.version === undefined ? { options } : { version: rig.version, options };
    return this.#caller.read('WaitForUpdatesEx', rig.collector, params, {
      login: rig.login,
      signal: rig.signal,
      timeoutMs: (this.#pollSeconds + 15) * 1_000,
      isPoll: true,
    });
  }

  #apply(rig: Rig, update: Vim<'UpdateSet'>): void {
    rig.version = update.version;
    const isTruncated = update.truncated === true;
    const updates = new Map((update.filterSet ?? []).map(({ filter, objectSet }) => [filter, objectSet ?? []]));
    for (const object of updates.get(rig.taskFilter) ?? []) this.#applyTask(object);
    if (rig.inventoryFilter !== undefined) this.#inventory.apply(updates.get(rig.inventoryFilter) ?? [], isTruncated);
    this.#machines.apply(rig, updates, isTruncated);
  }

  #applyTask(object: Vim<'ObjectUpdate'>): void {
    const ref = taskRef(object.obj);
    const watch = this.#watches.get(ref);
    if (watch === undefined) return;
    if (object.kind === 'leave') {
      watch.fail(unknownTask(ref));
      this.#forget(ref);
    } else if (watch.apply(object.changeSet ?? [])) {
      this.#forget(ref);
    }
  }

  #forget(ref: TaskRef): void {
    this.#watches.delete(ref);
    this.#toAdd.delete(ref);
    if (this.#listed.has(ref)) this.#toRemove.add(ref);
    this.#removalTimer ??= setTimeout(() => {
      this.#removalTimer = undefined;
      this.#flushSoon();
    }, REMOVAL_DELAY_MS).unref();
  }

  /** Once for all Tasks of this turn of the event loop. */
  #flushSoon(): void {
    if (this.#flushing !== undefined || this.#closing.signal.aborted) return;
    this.#flushing = new Promise<void>((resolve) => setImmediate(resolve))
      .then(() => this.#flush())
      .finally(() => {
        this.#flushing = undefined;
        if (this.#toAdd.size > 0 && this.#rig !== undefined) this.#flushSoon();
      });
  }

  async #flush(): Promise<void> {
    const rig = this.#rig;
    if (rig === undefined || (this.#toAdd.size === 0 && this.#toRemove.size === 0)) return;
    const add = [...this.#toAdd];
    const remove = [...this.#toRemove].filter((ref) => !this.#toAdd.has(ref));
    const returning = add.filter((ref) => this.#listed.has(ref));
    this.#toAdd.clear();
    this.#toRemove.clear();
    try {
      const unknown = new Set<string>(await modifyTaskList(this.#caller, rig, { add, remove }));
      for (const ref of add) {
        this.#listed.add(ref);
        if (unknown.has(ref)) this.#reportUnknown(ref);
        // Whoever waited gave up while the call was under way.
        else if (!this.#watches.has(ref)) this.#toRemove.add(ref);
      }
      for (const ref of returning) await this.#readNow(ref, rig.signal);
    } catch (error) {
      rig.broken.abort(asStowageError(error));
    }
  }

  #reportUnknown(ref: TaskRef): void {
    this.#watches.get(ref)?.fail(unknownTask(ref));
    this.#forget(ref);
  }

  async #readNow(ref: TaskRef, signal: AbortSignal): Promise<void> {
    const found = await readObject(
      this.#caller,
      { type: 'Task', ref: asMoref(ref), paths: WATCHED_TASK_PATHS },
      signal,
    );
    if (found === undefined) return this.#reportUnknown(ref);
    const { ref: _, ...properties } = found;
    const changes = Object.entries(properties).map(([name, val]) => ({ name, val }));
    if (this.#watches.get(ref)?.apply(changes) === true) this.#forget(ref);
  }

  async #recover(reason: StowageError, failures: number): Promise<void> {
    if (this.#closing.signal.aborted) return;
    if (reason.details.fault?.type === 'RequestCanceled') return;
    const rig = this.#rig;
    this.#rig = undefined;
    if (reason instanceof RigOutgrown) {
      if (rig !== undefined) await destroyRig(this.#caller, rig);
      return;
    }
    if (isErrorCode(reason, 'vcenter-login-refused', 'vcenter-untrusted')) this.#failAll(reason);
    if (reason instanceof SessionLost && this.#login !== undefined) {
      // A login that fails is the next round's affair.
      await this.#caller.session.renew(this.#login, this.#closing.signal).catch(() => undefined);
      if (failures === 0) return;
    }
    this.#logger.warn({ code: reason.code, reason: reason.message, failures }, 'watching vCenter was interrupted');
    const delayMs = Math.min(BACKOFF_LAST_MS, BACKOFF_FIRST_MS * 2 ** failures);
    await sleep(delayMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }

  #failAll(error: StowageError): void {
    for (const watch of this.#watches.values()) watch.fail(error);
    this.#watches.clear();
    this.#toAdd.clear();
  }
}

/** Somebody watches what the rig has no filter for. */
class RigOutgrown extends StowageError {
  constructor() {
    super('vcenter-state', 'the collector is built anew');
  }
}

function closedError(): StowageError {
  return new StowageError('vcenter-unreachable', 'the connection to vCenter was closed');
}
