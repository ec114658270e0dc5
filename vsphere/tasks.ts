import { isErrorCode } from '../core/errors.ts';
import { type Moref, type TaskRef, taskRef } from '../core/ids.ts';
import type { Tasks } from '../core/ports/data-centre.ts';
import type { VimCaller } from './caller.ts';
import type { Collector } from './collector.ts';
import { type Found, readListed } from './properties.ts';
import { asMoref } from './collector-rig.ts';

/** Ids by which vCenter describes Tasks, where they are not made from the method's name. Source: vSphere's task descriptions. */
const DESCRIPTIONS: Readonly<Record<string, readonly string[]>> = {
  ReconfigVM_Task: ['VirtualMachine.reconfigure', 'VirtualMachine.reconfigVm'],
  PowerOnVM_Task: ['VirtualMachine.powerOn'],
  PowerOffVM_Task: ['VirtualMachine.powerOff'],
  PowerOnMultiVM_Task: ['Datacenter.powerOnVm', 'Datacenter.powerOnMultiVM'],
  SuspendVM_Task: ['VirtualMachine.suspend'],
  ResetVM_Task: ['VirtualMachine.reset'],
  RelocateVM_Task: ['VirtualMachine.relocate'],
  DeleteDatastoreFile_Task: ['FileManager.deleteFile', 'FileManager.deleteDatastoreFile'],
  CopyDatastoreFile_Task: ['FileManager.copyFile', 'FileManager.copyDatastoreFile'],
  SearchDatastore_Task: ['HostDatastoreBrowser.search', 'HostDatastoreBrowser.searchDatastore'],
};

const CLOCK_SKEW_MS = 60_000;
const PATHS = [
  'info.name',
  'info.descriptionId',
  'info.entity',
  'info.state',
  'info.queueTime',
  'info.reason',
] as const;
type Recent = Found<'Task', (typeof PATHS)[number]>;

/** `CreateVirtualDisk_Task` or, by other namings, `createVirtualDisk`: the same word for all. */
const wordOf = (method: string): string => method.replace(/_?Task$/, '').toLowerCase();

function isOfMethod(task: Recent, method: string): boolean {
  const description = task['info.descriptionId'] ?? '';
  if (DESCRIPTIONS[method]?.includes(description) === true) return true;
  const names = [task['info.name'] ?? '', description.slice(description.lastIndexOf('.') + 1)];
  return names.some((name) => wordOf(name) === wordOf(method));
}

/** `DOMAIN\user` and `user@domain` are one: vCenter says the first of what was logged in as the second. */
function accountOf(userName: string): string {
  const [first = '', second] = userName.toLowerCase().split('\\');
  return (second ?? first).split('@')[0] ?? '';
}

function isBy(task: Recent, userName: string): boolean {
  const reason = task['info.reason'];
  if (reason?.xsiType !== 'TaskReasonUser') return true;
  return accountOf(reason.userName) === accountOf(userName);
}

export function createTasks(caller: VimCaller, collector: Collector): Tasks {
  return {
    wait(ref, options) {
      return collector.waitForTask(ref, options);
    },

    async inFlight({ method, entity, sinceMs, signal }): Promise<readonly TaskRef[]> {
      const { userName } = await caller.session.current(signal);
      const listed = {
        type: 'Task',
        paths: PATHS,
        from: 'taskManager',
        fromType: 'TaskManager',
        path: 'recentTask',
      } as const;
      const recent = await readListed(caller, listed, signal);
      return recent
        .filter((task) => task['info.state'] === 'queued' || task['info.state'] === 'running')
        .filter((task) => isOfMethod(task, method) && isBy(task, userName))
        .filter((task) => isAbout(task, entity))
        .filter((task) => Date.parse(task['info.queueTime'] ?? '') >= sinceMs - CLOCK_SKEW_MS)
        .map((task) => taskRef(task.ref));
    },

    async cancel(ref, signal): Promise<void> {
      try {
        await caller.read('CancelTask', asMoref(ref), {}, { signal });
      } catch (error) {
        // Over, gone, or of a kind that cannot be cancelled: all that was asked for is done.
        if (!isErrorCode(error, 'vcenter-state', 'vcenter-unsupported', 'vcenter-not-found')) throw error;
        if (error.details.fault === undefined) throw error;
      }
    },
  };
}

function isAbout(task: Recent, entity: Moref | undefined): boolean {
  return entity === undefined || task['info.entity'] === undefined || task['info.entity'] === entity;
}
