import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { pathsBelow } from './lab-view.ts';

it('a listing lives through directories that vanish, and has everything that stays', async () => {
  const root = await mkdtemp(join(tmpdir(), 'stowage-listing-'));
  const stays = ['kept', 'kept/inner', 'kept/inner/volume.json'];
  await mkdir(join(root, 'kept/inner'), { recursive: true });
  await writeFile(join(root, 'kept/inner/volume.json'), '');
  const listed = new AbortController();
  const churn = async (name: string): Promise<void> => {
    while (!listed.signal.aborted) {
      await mkdir(join(root, name, 'deep/deeper'), { recursive: true });
      await rm(join(root, name), { recursive: true });
    }
  };
  const churning = Promise.all(['a', 'b', 'c', 'd'].map(churn));
  for (let round = 0; round < 300; round += 1) expect(await pathsBelow(root)).toEqual(expect.arrayContaining(stays));
  listed.abort();
  await churning;
  expect((await pathsBelow(root)).toSorted()).toEqual(stays);
  await expect(pathsBelow(join(root, 'a'))).rejects.toThrow('ENOENT');
  await rm(root, { recursive: true });
});
