import { describe, expect, test } from 'vitest';
import type { ContainerRecord } from '../../core/container.ts';
import type { JsonObject } from '../../core/job.ts';
import type { AnyKind, StepContext } from '../define.ts';
import { imageRemove } from '../image/image-remove.ts';
import { digestOf } from '../image/fixtures.ts';
import { volumeRemove } from '../volume/remove.ts';

const IMAGE = digestOf('config app');
const ID = 'ab'.repeat(32);

function container(state: ContainerRecord['state']): ContainerRecord {
  return {
    type: 'container',
    name: ID,
    called: 'web',
    state,
    spec: { image: IMAGE, mounts: [{ volume: 'data', destination: '/d' }] },
  } as unknown as ContainerRecord;
}

/** The second look, when the record says `deleting` already. */
async function lookAgain(kind: AnyKind, payload: JsonObject, records: readonly ContainerRecord[]): Promise<unknown> {
  const items = records.map((record) => ({ record, rev: 1 }));
  const context = { payload, notes: { isWhole: true }, records: { list: async () => ({ items }) } };
  const step = kind.steps.find(({ name }) => name === 'recheck');
  return await step?.run(context as unknown as StepContext<unknown, JsonObject>);
}

describe('a container that was reserved just before a removal', () => {
  test.each<readonly [ContainerRecord['state'], string]>([
    ['creating', 'stopped'],
    ['running', 'running'],
    ['recovering', 'running'],
    ['dead', 'stopped'],
  ])('keeps its image while it is %s', async (state, word) => {
    await expect(lookAgain(imageRemove, { image: IMAGE }, [container(state)])).rejects.toMatchObject({
      code: 'image-in-use',
      message: `conflict: unable to delete ${IMAGE.slice(7, 19)} (cannot be forced) - image is being used by ${word} container abababababab`,
    });
    expect(await lookAgain(imageRemove, { image: digestOf('other') }, [container(state)])).toEqual({});
  });

  test('keeps its volumes, unless it goes with them', async () => {
    const users = [container('creating')];
    await expect(lookAgain(volumeRemove, { name: 'data' }, users)).rejects.toMatchObject({
      code: 'volume-in-use',
      message: `remove data: volume is in use - [${ID}]`,
      details: { holder: ID },
    });
    expect(await lookAgain(volumeRemove, { name: 'other' }, users)).toEqual({});
    expect(await lookAgain(volumeRemove, { name: 'data', container: ID }, users)).toEqual({});
  });
});
