import { CONTAINER_KEYS, type ContainerRecord } from '../../core/container.ts';
import type { StowageEvent } from '../../core/events.ts';
import type { TaskRef } from '../../core/ids.ts';
import type { JsonObject } from '../../core/job.ts';
import type { Machine } from '../../core/ports/machines.ts';
import { eventually, type LabMachine, machineNamed } from '../system/lab-view.ts';
import { openStranger, type Stranger } from '../system/stranger.ts';
import { soon, testFence } from './data-centre.ts';
import { type ImageSystem, startImageSystem } from './image-system.ts';
import type { SystemOptions } from './system.ts';

/** A system that runs containers of one image, and somebody with a vSphere client. */
export interface ContainerSystem extends ImageSystem {
  readonly stranger: Stranger;
  /** Runs a job that must succeed. */
  succeed(kind: string, payload: JsonObject): Promise<JsonObject>;
  /** Resolves with its id. */
  makeContainer(name: string, more?: JsonObject): Promise<string>;
  /** Makes a container, starts it, and resolves with its id. */
  runContainer(name: string, more?: JsonObject): Promise<string>;
  record(id: string): Promise<ContainerRecord | undefined>;
  /** Waits until the record is as `look` wants it. */
  until(id: string, what: string, look: (record: ContainerRecord) => unknown): Promise<ContainerRecord>;
  events(id: string): Promise<readonly StowageEvent[]>;
  machine(name: string): Promise<LabMachine>;
  /** Does something to the container's machine in vSphere, and waits for its Task. */
  inVsphere(name: string, act: (machine: Machine, stranger: Stranger) => Promise<TaskRef>): Promise<void>;
  /** As the process in the container that ends. */
  endByItself(name: string, exitCode: number): Promise<void>;
}

const IMAGE = 'busybox';

export async function startContainerSystem(options: SystemOptions = {}): Promise<ContainerSystem> {
  const system = await startImageSystem(options);
  const stranger = await openStranger(system);
  const record = async (id: string): Promise<ContainerRecord | undefined> =>
    (await system.store.records.read('container', id))?.record;
  const succeed = async (kind: string, payload: JsonObject): Promise<JsonObject> => {
    const job = await system.run(kind, payload);
    if (job.state !== 'succeeded') throw new Error(`${kind} should succeed: ${JSON.stringify(job.error)}`);
    return job.result ?? {};
  };
  const machine = (name: string): Promise<LabMachine> => machineNamed(system, name);
  const inVsphere: ContainerSystem['inVsphere'] = async (name, act) => {
    const found = await stranger.dc.machines.find(`VirtualMachine:${(await machine(name)).moid}`, soon());
    if (found === undefined) throw new Error(`no machine ${name}`);
    await stranger.dc.tasks.wait(await act(found, stranger), { signal: soon() });
  };
  const makeContainer = async (name: string, more: JsonObject = {}): Promise<string> => {
    const { id } = await succeed('container.create', { image: IMAGE, name, command: ['sleep', '2d'], ...more });
    if (typeof id !== 'string') throw new Error('a creation tells the id');
    return id;
  };
  await system.pushSample(IMAGE);
  await succeed('image.pull', { reference: IMAGE });
  return {
    ...system,
    stranger,
    succeed,
    record,
    machine,
    inVsphere,
    makeContainer,
    async runContainer(name, more = {}) {
      const id = await makeContainer(name, more);
      await succeed('container.start', { container: name });
      return id;
    },
    until: (id, what, look) =>
      eventually(`container ${id} ${what}`, async () => {
        const found = await record(id);
        return found !== undefined && Boolean(look(found)) ? found : undefined;
      }),
    events: async (id) =>
      (await system.store.events.list({ limit: 100, subject: `container:${id}` })).items.toReversed(),
    async endByItself(name, exitCode) {
      const extraConfig = { [CONTAINER_KEYS.exit]: String(exitCode) };
      await inVsphere(name, ({ ref }, { dc }) =>
        dc.machines.reconfigure({ machine: ref, changeVersion: '', extraConfig }, testFence()),
      );
      await system.lab('POST', `/vms/${name}/power`, { on: false });
    },
    async close() {
      await stranger.close();
      await system.close();
    },
  };
}
