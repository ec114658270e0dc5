import type { JsonObject } from '../../core/job.ts';
import {
  volumeOf,
  otherNameOf,
  withImage,
  creationOf,
  created,
  running,
  paused,
  refuse,
  refuseMachine,
  here,
  gone,
  free,
  held,
  its,
  isOff,
  isOn,
  poweredOff,
} from './container-stage.ts';
import type { Scenario } from './scenario.ts';
import type { Stage } from './stage.ts';

const CREATIONS: readonly Scenario[] = [
  { title: 'c-create', setup: withImage, payload: (name) => creationOf(name), after: isOff('created') },
  {
    title: 'c-refused',
    setup: async (stage, name) => {
      await withImage(stage);
      await refuse(stage, 'CreateVM_Task', `>${name}<`);
    },
    payload: (name) => creationOf(name),
    ends: 'dead',
    after: (name) => [gone(name), free(name)],
  },
  {
    title: 'c-cancelled',
    setup: withImage,
    payload: (name) => creationOf(name),
    cancelAt: 'after machines.create',
    ends: 'cancelled',
    after: (name) => [gone(name), free(name)],
  },
  {
    title: 'c-stopped',
    setup: withImage,
    payload: (name) => creationOf(name),
    cancelAtChild: 'before disks.create',
    ends: 'cancelled',
    // Whether the child came to its end before it was cancelled is a matter of luck: a named volume may be there or not.
    after: (name) => [gone(name)],
  },
  {
    title: 'c-taken',
    setup: created,
    payload: (name) => creationOf(name),
    ends: 'dead',
    after: isOff('created'),
  },
  {
    title: 'c-foreign',
    setup: async (stage, name) => {
      await withImage(stage);
      await refuse(stage, 'CreateVM_Task', `>${name}<`, 'DuplicateName');
    },
    payload: (name) => creationOf(name),
    ends: 'dead',
    after: (name) => [gone(name), free(name)],
  },
];

const STARTS: readonly Scenario[] = [
  { title: 'c-start', setup: created, payload: its, after: isOn },
  {
    title: 'c-start-refused',
    setup: async (stage, name) => {
      await created(stage, name);
      await refuseMachine(stage, 'PowerOnMultiVM_Task', name);
    },
    payload: its,
    ends: 'dead',
    after: (name) => [here(name, 'created', { hasError: true }), free(name)],
  },
  {
    title: 'c-start-cancelled',
    setup: created,
    payload: its,
    cancelAt: 'after power.onByDrs',
    ends: 'cancelled',
    after: (name) => [here(name, 'created', { hasError: true }), free(name)],
  },
  {
    title: 'c-start-held',
    setup: async (stage, name) => {
      await created(stage, name);
      await stage.succeed('volume.attach', { volume: volumeOf(name), machine: stage.machine });
    },
    payload: its,
    ends: 'dead',
    after: (name) => [here(name, 'created'), held(name)],
  },
];

const ENDINGS: Readonly<Record<string, readonly Scenario[]>> = {
  'container.stop': [
    { title: 'c-stop', setup: running, payload: its, after: isOff('exited') },
    {
      title: 'c-stop-rm',
      setup: (stage, name) => running(stage, name, { autoRemove: true }),
      payload: its,
      after: (name) => [gone(name), free(name)],
    },
    {
      title: 'c-stop-refused',
      setup: async (stage, name) => {
        await running(stage, name);
        await refuseMachine(stage, 'PowerOffVM_Task', name);
      },
      payload: its,
      ends: 'dead',
      after: (name) => [here(name, 'running', { hasError: true }), held(name)],
    },
  ],
  'container.kill': [{ title: 'c-kill', setup: running, payload: its, after: isOff('exited') }],
  'container.restart': [{ title: 'c-restart', setup: running, payload: its, after: isOn }],
};

const PAUSES: Readonly<Record<string, readonly Scenario[]>> = {
  'container.pause': [
    { title: 'c-pause', setup: running, payload: its, after: (name) => [here(name, 'paused'), held(name)] },
    {
      title: 'c-pause-cancelled',
      setup: running,
      payload: its,
      cancelAt: 'after power.suspend',
      ends: 'cancelled',
      after: isOn,
    },
  ],
  'container.unpause': [
    { title: 'c-unpause', setup: paused, payload: its, after: isOn },
    {
      title: 'c-unpause-cancelled',
      setup: paused,
      payload: its,
      cancelAt: 'after power.on',
      ends: 'cancelled',
      after: (name) => [here(name, 'paused'), held(name)],
    },
  ],
};

const renaming = (name: string): JsonObject => ({ container: name, name: otherNameOf(name) });

const CHANGES: Readonly<Record<string, readonly Scenario[]>> = {
  'container.rename': [
    {
      title: 'c-rename',
      setup: created,
      payload: renaming,
      after: (name) => [here(otherNameOf(name), 'created'), free(name)],
    },
    {
      title: 'c-rename-cancelled',
      setup: created,
      payload: renaming,
      cancelAt: 'after machines.reconfigure',
      ends: 'cancelled',
      after: isOff('created'),
    },
    {
      title: 'c-rename-foreign',
      setup: async (stage, name) => {
        await created(stage, name);
        await refuse(stage, 'Rename_Task', `>${otherNameOf(name)}<`, 'DuplicateName');
      },
      payload: renaming,
      ends: 'dead',
      after: isOff('created'),
    },
  ],
  'container.update': [
    {
      title: 'c-update',
      setup: created,
      payload: (name) => ({ container: name, memoryBytes: 64_000_000, nanoCpus: 1_500_000_000 }),
      after: isOff('created'),
    },
    {
      title: 'c-update-cancelled',
      setup: created,
      payload: (name) => ({ container: name, memoryBytes: 64_000_000 }),
      cancelAt: 'after machines.reconfigure',
      ends: 'cancelled',
      after: isOff('created'),
    },
  ],
};

const REMOVES: readonly Scenario[] = [
  {
    title: 'c-remove',
    setup: created,
    payload: (name) => ({ container: name, anonymous: true }),
    after: (name) => [gone(name), free(name)],
  },
  {
    title: 'c-remove-force',
    setup: running,
    payload: (name) => ({ container: name, force: true }),
    after: (name) => [gone(name), free(name)],
  },
  {
    title: 'c-remove-refused',
    setup: async (stage, name) => {
      await running(stage, name);
      await refuseMachine(stage, 'Destroy_Task', name);
    },
    payload: (name) => ({ container: name, force: true }),
    ends: 'dead',
    after: (name) => [here(name, 'dead', { hasError: true, isStripped: true }), free(name)],
  },
  {
    title: 'c-remove-running',
    setup: running,
    payload: its,
    ends: 'dead',
    after: isOn,
  },
];

const SYNCS: Readonly<Record<string, readonly Scenario[]>> = {
  'container.sync': [
    { title: 'c-sync-off', setup: poweredOff, payload: its, after: isOff('exited') },
    {
      title: 'c-sync-rm',
      setup: (stage, name) => poweredOff(stage, name, { autoRemove: true }),
      payload: its,
      after: (name) => [gone(name), free(name)],
    },
    {
      title: 'c-sync-on',
      setup: async (stage, name) => {
        await created(stage, name, { mounts: [] });
        await stage.system.lab('POST', `/vms/${name}/power`, { on: true });
      },
      payload: its,
      after: (name) => [here(name, 'running')],
    },
    {
      title: 'c-sync-again',
      setup: (stage, name) => poweredOff(stage, name, { restart: { name: 'always' } }),
      payload: its,
      after: async (name) => [here(name, 'running'), held(name)],
    },
  ],
  'container.again': [
    {
      title: 'c-again',
      setup: async (stage, name) => {
        await poweredOff(stage, name, { restart: { name: 'always' } });
        await stage.succeed('container.sync', its(name));
      },
      payload: (name) => ({ container: name, at: '2026-01-01T00:00:00.000Z' }),
      after: isOn,
    },
  ],
};

/** Its time on is nobody's: how long a machine stays on is what people ask of it, and here are none. */
const VISITS: Readonly<Record<string, readonly Scenario[]>> = {
  'container.visit': [
    {
      title: 'c-visit-refused',
      setup: async (stage, name) => {
        await created(stage, name);
        await refuseMachine(stage, 'PowerOnMultiVM_Task', name);
      },
      payload: its,
      ends: 'dead',
      after: isOff('created'),
    },
  ],
};

/** By kind. */
export const CONTAINER_SCENARIOS: Readonly<Record<string, readonly Scenario[]>> = {
  'container.create': CREATIONS,
  'container.start': STARTS,
  ...ENDINGS,
  ...PAUSES,
  ...CHANGES,
  ...SYNCS,
  ...VISITS,
  'container.remove': REMOVES,
};

const removed = (stage: Stage, name: string) =>
  stage.succeed('container.remove', { container: name, force: true, anonymous: true });
const stopped = (stage: Stage, name: string) => stage.succeed('container.stop', { container: name });
const started = (stage: Stage, name: string) => stage.succeed('container.start', { container: name });
const renamedBack = (stage: Stage, name: string) =>
  stage.succeed('container.rename', { container: otherNameOf(name), name });

/** By title: what undoes the job, and would be undone itself by somebody who still wanted the job done. */
export const CONTAINER_MEANWHILE: Readonly<Record<string, (stage: Stage, name: string) => Promise<unknown>>> = {
  'c-create': removed,
  'c-cancelled': created,
  'c-start': stopped,
  'c-start-cancelled': started,
  'c-stop': started,
  'c-stop-rm': created,
  'c-kill': started,
  'c-restart': stopped,
  'c-pause': (stage, name) => stage.succeed('container.unpause', its(name)),
  'c-unpause': (stage, name) => stage.succeed('container.pause', its(name)),
  'c-rename': renamedBack,
  'c-update': removed,
  'c-remove': created,
  'c-remove-force': running,
};
