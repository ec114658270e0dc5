import type { Moref, TaskRef } from '../ids.ts';
import type { Fence } from './fence.ts';

/**
 * A machine's power. Each method starts one Task and is safe to call again: a machine that is already so makes it fail with
 * `vcenter-already-so`. Others that may come: `file-locked` (another machine has one of its disks open: the message names the file, and
 * `Machines.findByDisk` the holder), `hosts-full` (no host has room or sees the datastores), `vcenter-state` (its host does not answer, or the
 * machine is in a state that does not allow it), `vcenter-not-found` (a disk or the machine is gone).
 */
export interface Power {
  /**
   * PowerOnMultiVM_Task: DRS chooses the hosts and acts on its own, whatever its automation level; where DRS is off, machines start where
   * they are registered. The Task's success only says that starting was decided: `startOf` reads the Task of each machine from its result.
   */
  onByDrs(machines: readonly Moref[], fence: Fence): Promise<TaskRef>;
  /**
   * From the result of an `onByDrs` Task, the Task that starts this machine; wait for it too. A caller that lost the result probes the
   * machine's power, and finds a start under way as `inFlight` of `PowerOnVM_Task`.
   * @throws the translated reason why vCenter did not attempt it; `vcenter-garbled`
   */
  startOf(machine: Moref, result: unknown): TaskRef;
  /** PowerOnVM_Task, on this host or where it is registered; also resumes a suspended machine (only where it is). */
  on(machine: Moref, host: Moref | undefined, fence: Fence): Promise<TaskRef>;
  /** Pulls the plug: the guest hears nothing. */
  off(machine: Moref, fence: Fence): Promise<TaskRef>;
  /** Docker's pause; its disks stay locked. `on` resumes. */
  suspend(machine: Moref, fence: Fence): Promise<TaskRef>;
  /** A cold restart without power-off, on the host where it runs. Not idempotent: each call restarts. */
  reset(machine: Moref, fence: Fence): Promise<TaskRef>;
}
