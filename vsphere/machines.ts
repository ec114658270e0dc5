import { isErrorCode, StowageError } from '../core/errors.ts';
import { type Moref, parseMoref, taskRef } from '../core/ids.ts';
import type { Machines, MachineVersion } from '../core/ports/machines.ts';
import type { Fence } from '../core/ports/fence.ts';
import type { VimCaller } from './caller.ts';
import type { Collector } from './collector.ts';
import { attachChanges, detachChanges, diskKeysOf, extendChanges } from './devices.ts';
import { toKib } from './disks.ts';
import { machineReads } from './machine-reads.ts';
import { configSpec, cpuAllocation, optionsOf } from './machine-spec.ts';
import { backingOf } from './networks.ts';
import type { Places } from './places.ts';
import { readObject } from './properties.ts';
import type { Vim } from './schema/vim.ts';

export interface MachinesOptions {
  readonly caller: VimCaller;
  readonly collector: Collector;
  readonly places: Places;
}

type Lifecycle = Pick<
  Machines,
  'create' | 'createdMachine' | 'register' | 'unregister' | 'destroy' | 'rename' | 'moveInto'
>;

function lifecycle({ caller, places }: MachinesOptions): Lifecycle {
  return {
    async create(spec, fence) {
      const { network, folder, pool, host } = spec;
      const backing = network === undefined ? undefined : await backingOf(caller, places, network, fence.signal);
      const params = { config: configSpec(spec, backing), pool, ...(host === undefined ? {} : { host }) };
      return taskRef(await caller.change('CreateVM_Task', folder, params, fence));
    },

    createdMachine(result) {
      const ref = typeof result === 'string' ? parseMoref(result) : undefined;
      if (ref?.startsWith('VirtualMachine:') === true) return ref;
      throw new StowageError('vcenter-garbled', 'the Task that makes a machine did not say which');
    },

    async register({ vmxPath, name, folder, pool, host }, fence) {
      const params = { path: vmxPath, name, asTemplate: false, pool, ...(host === undefined ? {} : { host }) };
      return taskRef(await caller.change('RegisterVM_Task', folder, params, fence));
    },

    async unregister(machine, fence) {
      try {
        await caller.change('UnregisterVM', machine, {}, fence);
      } catch (error) {
        if (!isErrorCode(error, 'vcenter-not-found')) throw error;
      }
    },

    destroy: async (machine, fence) => taskRef(await caller.change('Destroy_Task', machine, {}, fence)),

    moveInto: async (machine, folder, fence) =>
      taskRef(await caller.change('MoveIntoFolder_Task', folder, { list: [machine] }, fence)),

    rename: async (machine, newName, fence) => taskRef(await caller.change('Rename_Task', machine, { newName }, fence)),
  };
}

async function readDevices(caller: VimCaller, ref: Moref, signal: AbortSignal) {
  const paths = ['config.changeVersion', 'config.hardware.device'] as const;
  const found = await readObject(caller, { type: 'VirtualMachine', ref, paths }, signal);
  if (found === undefined) throw new StowageError('vcenter-not-found', `there is no ${ref}`);
  return { changeVersion: found['config.changeVersion'] ?? '', devices: found['config.hardware.device'] ?? [] };
}

type Shape = Pick<
  Machines,
  'reconfigure' | 'attach' | 'attachAll' | 'detach' | 'detachAll' | 'detachAllBut' | 'extend'
>;

function shape(caller: VimCaller): Shape {
  const change = async (at: MachineVersion, spec: Vim<'VirtualMachineConfigSpec'>, fence: Fence) => {
    const versioned = at.changeVersion === '' ? spec : { ...spec, changeVersion: at.changeVersion };
    return taskRef(await caller.change('ReconfigVM_Task', at.machine, { spec: versioned }, fence));
  };

  return {
    reconfigure: (spec, fence) => {
      const { cpus, cpuLimitMhz, memoryMib, extraConfig, attach = [], detachKeys = [] } = spec;
      const deviceChange = [...detachChanges(detachKeys), ...attachChanges(attach)];
      const config = {
        ...(deviceChange.length === 0 ? {} : { deviceChange }),
        ...(cpus === undefined ? {} : { numCPUs: cpus }),
        ...(memoryMib === undefined ? {} : { memoryMB: memoryMib }),
        ...(cpuLimitMhz === undefined ? {} : { cpuAllocation: cpuAllocation(cpuLimitMhz) }),
        ...(extraConfig === undefined ? {} : { extraConfig: optionsOf(extraConfig) }),
      };
      return change(spec, config, fence);
    },

    attach: (spec, fence) => change(spec, { deviceChange: attachChanges([spec]) }, fence),
    attachAll: (spec, fence) => change(spec, { deviceChange: attachChanges(spec.disks) }, fence),
    detach: (spec, fence) => change(spec, { deviceChange: detachChanges([spec.diskKey]) }, fence),
    detachAll: (spec, fence) => change(spec, { deviceChange: detachChanges(spec.diskKeys) }, fence),

    async detachAllBut(machine, keepKeys, fence) {
      const { changeVersion, devices } = await readDevices(caller, machine, fence.signal);
      const keys = diskKeysOf(devices).filter((key) => !keepKeys.includes(key));
      if (keys.length === 0) return undefined;
      return change({ machine, changeVersion }, { deviceChange: detachChanges(keys) }, fence);
    },

    async extend(spec, fence) {
      const { devices } = await readDevices(caller, spec.machine, fence.signal);
      const capacityBytes = toKib(spec.capacityBytes) * 1_024;
      const changes = extendChanges(devices, spec.diskKey, capacityBytes);
      if (changes === undefined) {
        throw new StowageError(
          'vcenter-not-found',
          `${spec.machine} has no disk ${spec.diskKey} that could be extended`,
        );
      }
      return change(spec, { deviceChange: changes }, fence);
    },
  };
}

export function createMachines(options: MachinesOptions): Machines {
  const { caller, collector } = options;
  return {
    ...machineReads(caller),
    ...lifecycle(options),
    ...shape(caller),
    watch: (folder, onChange, signal) => collector.watchMachines(folder, onChange, signal),
  };
}
