import { isErrorCode } from '../core/errors.ts';
import { type Moref, moref, splitMoref, type TaskRef } from '../core/ids.ts';
import type { VimCaller } from './caller.ts';
import { WATCHED } from './inventory-view.ts';
import { WATCHED_MACHINE_PATHS } from './machine-facts.ts';
import { type TypedPaths, viewSelection } from './properties.ts';
import type { Vim } from './schema/vim.ts';
import type { Login } from './session.ts';
import { WATCHED_TASK_PATHS } from './task-watch.ts';

// What the collector keeps on vCenter: a PropertyCollector of its own with one filter over a list of Tasks and, when somebody
// watches them, one over hosts and datastores and one for each folder of machines. All of it lives in one login and ends with it.

type PropertySpec = Vim<'PropertySpec'>;

export interface Rig {
  readonly login: Login;
  readonly collector: Moref;
  readonly taskList: Moref;
  readonly taskFilter: Moref;
  readonly inventoryFilter?: Moref;
  /** By folder. */
  readonly machineFilters: ReadonlyMap<Moref, Moref>;
  readonly goneFolders: ReadonlySet<Moref>;
  /** Fires when this rig must be given up: its poll then ends. */
  readonly broken: AbortController;
  /** Of `broken` or of the collector's end. */
  readonly signal: AbortSignal;
  version: string | undefined;
}

async function createFilter(
  caller: VimCaller,
  at: { readonly collector: Moref; readonly spec: Vim<'PropertyFilterSpec'> },
  call: { readonly login: Login; readonly signal: AbortSignal },
): Promise<Moref> {
  return caller.read('CreateFilter', at.collector, { spec: at.spec, partialUpdates: false }, call);
}

export async function buildRig(
  caller: VimCaller,
  options: {
    readonly login: Login;
    readonly withInventory: boolean;
    readonly folders: readonly Moref[];
    readonly signal: AbortSignal;
  },
): Promise<Rig> {
  const { login, signal } = options;
  const call = { login, signal };
  const collector = await caller.read('CreatePropertyCollector', 'propertyCollector', {}, call);
  const taskList = await caller.read('CreateListView', 'viewManager', {}, call);
  const tasks = {
    propSet: [{ type: 'Task', pathSet: WATCHED_TASK_PATHS }],
    objectSet: [viewSelection(taskList, 'ListView')],
  };
  const taskFilter = await createFilter(caller, { collector, spec: tasks }, call);
  const root = { collector, container: login.content.rootFolder };
  const inventoryFilter = options.withInventory
    ? await createViewFilter(caller, { ...root, paths: WATCHED, also: [] }, call)
    : undefined;
  const machineFilters = new Map<Moref, Moref>();
  for (const container of options.folders) {
    const filter = await createMachineFilter(caller, { collector, container }, call);
    if (filter !== undefined) machineFilters.set(container, filter);
  }
  const broken = new AbortController();
  return {
    login,
    collector,
    taskList,
    taskFilter,
    ...(inventoryFilter === undefined ? {} : { inventoryFilter }),
    machineFilters,
    goneFolders: new Set(options.folders.filter((folder) => !machineFilters.has(folder))),
    broken,
    signal: AbortSignal.any([signal, broken.signal]),
    version: undefined,
  };
}

async function createViewFilter(
  caller: VimCaller,
  at: {
    readonly collector: Moref;
    readonly container: Moref;
    readonly paths: TypedPaths;
    readonly also: readonly PropertySpec[];
  },
  call: { readonly login: Login; readonly signal: AbortSignal },
): Promise<Moref> {
  const { collector, container, paths, also } = at;
  const type = Object.keys(paths);
  const view = await caller.read('CreateContainerView', 'viewManager', { container, type, recursive: true }, call);
  const propSet = [...Object.entries(paths).map(([type, pathSet]) => ({ type, pathSet })), ...also];
  const objectSet = [viewSelection(view, 'ContainerView'), ...(also.length === 0 ? [] : [{ obj: container }])];
  return createFilter(caller, { collector, spec: { propSet, objectSet } }, call);
}

/** The folder itself is watched too: so there is a first answer when it is empty, and one when it goes. */
const OF_FOLDER = [{ type: 'Folder', pathSet: ['name'] }];

/** undefined: the folder is gone. */
async function createMachineFilter(
  caller: VimCaller,
  at: { readonly collector: Moref; readonly container: Moref },
  call: { readonly login: Login; readonly signal: AbortSignal },
): Promise<Moref | undefined> {
  try {
    return await createViewFilter(
      caller,
      { ...at, paths: { VirtualMachine: WATCHED_MACHINE_PATHS }, also: OF_FOLDER },
      call,
    );
  } catch (error) {
    if (isErrorCode(error, 'vcenter-not-found')) return undefined;
    throw error;
  }
}

/** @returns the Tasks that vCenter does not know */
export async function modifyTaskList(
  caller: VimCaller,
  rig: Rig,
  change: { readonly add: readonly TaskRef[]; readonly remove: readonly TaskRef[] },
): Promise<readonly string[]> {
  const add = change.add.map(asMoref);
  const remove = change.remove.map(asMoref);
  const call = { login: rig.login, signal: rig.signal };
  return (await caller.read('ModifyListView', rig.taskList, { add, remove }, call)) ?? [];
}

export async function destroyRig(caller: VimCaller, rig: Rig): Promise<void> {
  const call = { login: rig.login, timeoutMs: 2_000 };
  // What is left of it ends with the session.
  await caller.read('DestroyPropertyCollector', rig.collector, {}, call).catch(() => undefined);
  await caller.read('DestroyView', rig.taskList, {}, call).catch(() => undefined);
}

/** A Task's reference is a managed object reference too. */
export function asMoref(ref: TaskRef): Moref {
  return moref('Task', splitMoref(ref).value);
}
