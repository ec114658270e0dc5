import { expect } from 'vitest';
import type { ContainerRecord } from '../../core/container.ts';
import type { JsonObject } from '../../core/job.ts';
import type { CrashLine } from '../harness/crash-points.ts';
import type { Inhabitants } from '../harness/inhabitants.ts';
import { created, free, gone, here, isOff, isOn, its, running } from './container-stage.ts';
import type { Scenario } from './scenario.ts';
import type { Stage } from './stage.ts';
import { makeFirst, wholeVolume } from './volume-scenarios.ts';
import { deathsOf } from './walk.ts';

// Jobs that talk to somebody in the container's machine, or wait for one. What they do beside that is walked without any.

/** So many boundaries from where a job first turns to the guest: further on it is at what other walks go through. */
const STRETCH = 7;

const isTowardsGuest = (at: string): boolean => /^before guests\.(?:call|state)$/.test(at);

/** Around the words with a guest; of a visit, which has none with it, from when its machine is on. */
export function deathsAtGuests(lines: readonly CrashLine[]): readonly number[] {
  const first =
    lines.find(({ at }) => isTowardsGuest(at)) ?? lines.findLast(({ at }) => at.startsWith('after power.on'));
  if (first === undefined) throw new Error(`${lines[0]?.actor ?? 'nobody'} never turned to a guest`);
  return deathsOf(lines).filter((number) => number >= first.number && number < first.number + STRETCH);
}

const isGone = (name: string) => [gone(name), free(name)];
const extraOf = (name: string): string => `extra.${name}`;
const attachment = (name: string): JsonObject => ({ volume: extraOf(name), machine: name, path: '/extra' });

async function withExtra(stage: Stage, name: string): Promise<void> {
  await running(stage, name);
  await makeFirst(stage, extraOf(name));
}

async function recordOf({ system }: Stage, called: string): Promise<ContainerRecord> {
  const { records } = system.store;
  const owner = await records.read('container-name', called);
  const found = owner === undefined ? undefined : await records.read('container', owner.record.container);
  if (found === undefined) throw new Error(`there is no container ${called}`);
  return found.record;
}

/** @param inside asked when they are needed: they come after the system */
export function guestScenarios(inside: () => Inhabitants): Readonly<Record<string, readonly Scenario[]>> {
  /** The one that is in there is of the run that the record tells. */
  const isInhabited = async (name: string, stage: Stage) => {
    const { name: id, run } = await recordOf(stage, name);
    const state = await inside().guests.state(id, undefined, AbortSignal.timeout(10_000));
    expect(state, `the guest of ${name}`).toMatchObject({ state: 'running', startedAt: run.startedAt });
    return isOn(name);
  };
  const mounts = async (name: string, stage: Stage): Promise<JsonObject> =>
    inside().mountsOf((await recordOf(stage, name)).name);
  return {
    'container.start': [{ title: 'g-start', setup: created, payload: its, after: isInhabited }],
    'container.stop': [{ title: 'g-stop', setup: running, payload: its, after: isOff('exited') }],
    'container.kill': [
      { title: 'g-kill', setup: running, payload: its, after: isOff('exited') },
      {
        title: 'g-signal',
        setup: running,
        payload: (name) => ({ container: name, signal: 'HUP' }),
        after: isInhabited,
      },
    ],
    'container.remove': [
      { title: 'g-remove', setup: running, payload: (name) => ({ container: name, force: true }), after: isGone },
    ],
    'container.visit': [{ title: 'g-visit', setup: created, payload: its, after: isOff('created') }],
    'volume.attach': [
      {
        title: 'g-mount',
        setup: withExtra,
        payload: attachment,
        after: async (name, stage) => {
          expect(Object.values(await mounts(name, stage)), `mounts of ${name}`).toEqual(['/extra']);
          return [wholeVolume(extraOf(name), 1)];
        },
      },
    ],
    'volume.detach': [
      {
        title: 'g-unmount',
        setup: async (stage, name) => {
          await withExtra(stage, name);
          await stage.succeed('volume.attach', attachment(name));
        },
        payload: (name) => ({ volume: extraOf(name), machine: name }),
        after: async (name, stage) => {
          expect(await mounts(name, stage), `mounts of ${name}`).toEqual({});
          return [here(name, 'running'), wholeVolume(extraOf(name))];
        },
      },
    ],
  };
}
