import { writeFile } from 'node:fs/promises';
import { directoryOf, documentOf } from '../system/lab-view.ts';
import { held, here, running } from './container-stage.ts';
import { pullFirst, wholeImage } from './image-scenarios.ts';
import type { Scenario } from './scenario.ts';
import type { Stage } from './stage.ts';
import { tinyImage } from './tiny-image.ts';
import { makeFirst, wholeVolume } from './volume-scenarios.ts';

/** What a creation leaves that was forgotten in its middle: the disk is there, the document says `creating`, Redis knows nothing. */
async function leaveHalfMade(stage: Stage, name: string): Promise<void> {
  await makeFirst(stage, name);
  const document = await documentOf(stage.system, 'shared-1', name);
  const path = `${await directoryOf(stage.system, 'shared-1')}/stowage/volumes/${name}/volume.json`;
  await writeFile(path, JSON.stringify({ ...document, state: 'creating' }));
  await stage.forget('volume', name);
}

async function pullAndForget(stage: Stage, name: string): Promise<void> {
  await pullFirst(stage, name);
  const { id, diffId } = await tinyImage(name);
  await stage.forget('image', id);
  await stage.forget('layer', diffId);
}

async function runAndForget(stage: Stage, name: string): Promise<void> {
  await running(stage, name);
  const owner = await stage.system.store.records.read('container-name', name);
  if (owner === undefined) throw new Error(`no container ${name}`);
  await stage.forget('container', owner.record.container);
  await stage.forget('container-name', name);
  await stage.forget('volume', held(name).name);
}

const boxOf = (name: string): string => `box.${name}`;

/** By kind. */
export const RECONCILE_SCENARIOS: Readonly<Record<string, readonly Scenario[]>> = {
  'reconcile.run': [
    {
      title: 'reconcile',
      setup: async (stage, name) => {
        await makeFirst(stage, name);
        await stage.forget('volume', name);
        await leaveHalfMade(stage, `half.${name}`);
        await pullAndForget(stage, name);
        await runAndForget(stage, boxOf(name));
      },
      payload: () => ({}),
      after: async (name) => [
        wholeVolume(name),
        wholeVolume(`half.${name}`),
        ...(await wholeImage(name)),
        here(boxOf(name), 'running'),
        held(boxOf(name)),
      ],
    },
  ],
  'doctor.run': [{ title: 'an examination', payload: () => ({}), after: async () => [] }],
};
