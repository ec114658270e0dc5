import { StowageError } from '../core/errors.ts';
import { type Moref, taskRef } from '../core/ids.ts';
import type { Power } from '../core/ports/power.ts';
import type { VimCaller } from './caller.ts';
import { asDecodedFault, contextOf, translateFault } from './faults.ts';
import type { Places } from './places.ts';
import type { Vim } from './schema/vim.ts';

/** Powers on even where the cluster's automation only recommends. Source: ClusterPowerOnVmOption, DrsBehavior. */
const FULLY_AUTOMATED = [{ key: 'OverrideAutomationLevel', value: 'fullyAutomated' }];

type PowerOnResult = Vim<'ClusterPowerOnVmResult'>;

function isPowerOnResult(result: unknown): result is PowerOnResult {
  return (
    typeof result === 'object' && result !== null && 'xsiType' in result && result.xsiType === 'ClusterPowerOnVmResult'
  );
}

export function createPower(caller: VimCaller, places: Places): Power {
  return {
    onByDrs: (machines, fence) =>
      places.refreshing(async () => {
        const { ref } = await places.datacenter(fence.signal);
        const params = { vm: machines, option: FULLY_AUTOMATED };
        return taskRef(await caller.change('PowerOnMultiVM_Task', ref, params, fence));
      }),

    startOf(machine: Moref, result: unknown) {
      if (!isPowerOnResult(result)) {
        throw new StowageError('vcenter-garbled', 'the result of PowerOnMultiVM_Task is not what it should be');
      }
      const task = result.attempted?.find(({ vm }) => vm === machine)?.task;
      if (task !== undefined) return taskRef(task);
      const refused = result.notAttempted?.find(({ vm }) => vm === machine)?.fault;
      const context = contextOf('PowerOnMultiVM_Task', machine);
      if (refused === undefined) throw new StowageError('vcenter-state', `${context}: vCenter did not attempt it`);
      const fault = asDecodedFault(refused.fault) ?? { xsiType: 'MethodFault' };
      throw translateFault({ fault, message: refused.localizedMessage ?? '' }, context);
    },

    async on(machine, host, fence) {
      const params = host === undefined ? {} : { host };
      return taskRef(await caller.change('PowerOnVM_Task', machine, params, fence));
    },

    off: async (machine, fence) => taskRef(await caller.change('PowerOffVM_Task', machine, {}, fence)),
    suspend: async (machine, fence) => taskRef(await caller.change('SuspendVM_Task', machine, {}, fence)),
    reset: async (machine, fence) => taskRef(await caller.change('ResetVM_Task', machine, {}, fence)),
  };
}
