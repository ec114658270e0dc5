import type { JsonObject } from '../../core/job.ts';
import type { ContainerState } from '../../core/states.ts';
import { machineNamed } from '../system/lab-view.ts';
import type { ContainerAfter } from './scenario.ts';
import type { Stage } from './stage.ts';
import { pushTiny } from './tiny-image.ts';
import { wholeVolume } from './volume-scenarios.ts';

// Containers of one small image, each with a named volume of its own, and an anonymous one.

const CREW = 'crew';
const SIZE = { Capacity: '8MiB' };

export const volumeOf = (name: string): string => `vol.${name}`;
export const otherNameOf = (name: string): string => `other.${name}`;

const pulled = new WeakMap<Stage['system'], Promise<unknown>>();

/** Pulled once, for all. */
export function withImage(stage: Stage): Promise<unknown> {
  const known = pulled.get(stage.system);
  if (known !== undefined) return known;
  const pull = pushTiny(stage, CREW).then(() => stage.succeed('image.pull', { reference: `${CREW}:1` }));
  pulled.set(stage.system, pull);
  return pull;
}

export const creationOf = (name: string, more: JsonObject = {}): JsonObject => ({
  image: `${CREW}:1`,
  name,
  mounts: [
    { volume: volumeOf(name), destination: '/named', options: SIZE },
    { destination: '/anonymous', options: SIZE },
  ],
  ...more,
});

export async function created(stage: Stage, name: string, more: JsonObject = {}): Promise<void> {
  await withImage(stage);
  await stage.succeed('container.create', creationOf(name, more));
}

export async function running(stage: Stage, name: string, more: JsonObject = {}): Promise<void> {
  await created(stage, name, more);
  await stage.succeed('container.start', { container: name });
}

export async function paused(stage: Stage, name: string): Promise<void> {
  await running(stage, name);
  await stage.succeed('container.pause', { container: name });
}

export async function refuse(stage: Stage, method: string, match: string, fault = 'NoPermission'): Promise<void> {
  await stage.system.lab('POST', '/faults', { method, fault, count: -1, match });
}

/** Refused for good, only for this container's machine. */
export async function refuseMachine(stage: Stage, method: string, name: string): Promise<void> {
  const { moid } = await machineNamed(stage.system, name);
  await refuse(stage, method, `>${moid}<`);
}

export const here = (name: string, state: ContainerState, more: Partial<ContainerAfter> = {}): ContainerAfter => ({
  type: 'container',
  name,
  state,
  ...more,
});
export const gone = (name: string): ContainerAfter => ({ type: 'container', name, state: undefined });
export const free = (name: string) => wholeVolume(volumeOf(name));
export const held = (name: string) => wholeVolume(volumeOf(name), 1);
export const its = (name: string): JsonObject => ({ container: name });
export const isOff = (state: ContainerState) => (name: string) => [here(name, state), free(name)];
export const isOn = (name: string) => [here(name, 'running'), held(name)];

export const poweredOff = async (stage: Stage, name: string, more: JsonObject = {}): Promise<void> => {
  await running(stage, name, more);
  await stage.system.lab('POST', `/vms/${name}/power`, { on: false });
};
