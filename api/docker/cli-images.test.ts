import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shortId } from '../../core/reference.ts';
import { digestOf, imageRecord, layerRecord, nameOf } from '../../jobs/image/fixtures.ts';
import { type DockerRig, serveDocker, startStoreRig, type StoreRig } from './rig.ts';

// The real CLI, against records of images.

let bed: StoreRig;
let rig: DockerRig;
const manifest = digestOf('index demo');

const demo = imageRecord({
  seed: 'demo',
  names: [nameOf('demo:0.1', 5), nameOf('registry.test:5000/team/demo:1', 6), nameOf(`demo@${manifest}`, 5)],
  layers: ['base', 'echo', 'chmod'],
  labels: { team: 'a' },
  sizeBytes: 4_000_150,
  history: [
    { created: '2026-01-01T00:00:00Z', created_by: 'ADD file:base in /' },
    { created: '2026-01-01T00:00:01Z', created_by: 'CMD ["sh"]', empty_layer: true },
    { created: '2026-01-02T00:00:00Z', created_by: 'RUN echo' },
    { created: '2026-01-02T00:00:01Z', created_by: 'RUN chmod 755' },
    { created: '2026-01-02T00:00:02Z', created_by: 'CMD ["our-application"]', empty_layer: true },
  ],
});
const base = imageRecord({
  seed: 'base',
  names: [nameOf('busybox', 3)],
  layers: ['base'],
  sizeBytes: 4_000_000,
  created: '2025-06-01T00:00:00Z',
});
/** Lost its only name to `base`. */
const stale = imageRecord({ seed: 'stale', names: [nameOf('busybox', 2)], created: '2024-06-01T00:00:00Z' });
const half = { ...imageRecord({ seed: 'half', names: [nameOf('half')] }), state: 'pulling' as const };

beforeAll(async () => {
  bed = await startStoreRig();
  rig = await serveDocker({ submit: bed.submit, ...bed.store });
  const layers = [layerRecord('base', 4_000_000), layerRecord('echo', 100), layerRecord('chmod', 50)];
  for (const record of [demo, base, stale, half, ...layers])
    expect(await bed.store.records.observe([{ op: 'put', record, expectedRev: 0 }], [])).toBe('done');
}, 60_000);

afterAll(async () => {
  await rig?.close();
  await bed?.close();
});

describe('images by the CLI', { timeout: 120_000 }, () => {
  const names = async (...args: string[]): Promise<readonly string[]> => {
    const listed = await rig.docker(['images', '--format', '{{.Repository}}:{{.Tag}}', ...args]);
    expect(listed.stderr).toBe('');
    return listed.stdout.split('\n').filter((line) => line !== '');
  };

  test('are listed, newest first, with the names that are theirs now', async () => {
    const listed = await names();
    // Repositories of one image come out of a map of the CLI's, in no order.
    expect(listed.slice(0, 2).toSorted()).toEqual(['demo:0.1', 'registry.test:5000/team/demo:1']);
    expect(listed.slice(2)).toEqual(['busybox:latest', '<none>:<none>']);
    const digests = await rig.docker(['images', '--digests', '--format', '{{.Repository}} {{.Digest}}', 'demo']);
    expect(digests.stdout).toBe(`demo ${manifest}\n`);
    expect((await rig.docker(['images', '-q', '--no-trunc', 'busybox'])).stdout).toBe(`${base.name}\n`);
    expect((await rig.docker(['images', '--format', '{{.Size}}', 'busybox'])).stdout).toBe('4MB\n');
    const tree = await rig.docker(['images', '--tree']);
    expect(tree).toMatchObject({ code: 0, stdout: expect.stringContaining('demo:0.1') });
    // Before API 1.43 an image without a name has a name that says so.
    const old = await rig.docker(['images', '--format', '{{.Tag}}'], { DOCKER_API_VERSION: '1.41' });
    expect(old.stdout.trim().split('\n').sort()).toEqual(['0.1', '1', '<none>', 'latest']);
  });

  test('are filtered', async () => {
    expect(await names('-f', 'dangling=true')).toEqual(['<none>:<none>']);
    expect(await names('-f', 'dangling=false', '-f', 'reference=*')).toEqual(['demo:0.1', 'busybox:latest']);
    expect(await names('-f', 'reference=registry.test:5000/*/*:1')).toEqual(['registry.test:5000/team/demo:1']);
    expect(await names('-f', 'label=team=a', '-f', 'reference=demo')).toEqual(['demo:0.1']);
    expect(await names('-f', 'before=demo:0.1')).toEqual(['busybox:latest', '<none>:<none>']);
    expect(await names('-f', 'since=busybox', '-f', 'reference=demo')).toEqual(['demo:0.1']);
    expect(await names('-f', 'until=2025-01-01T00:00:00Z')).toEqual(['<none>:<none>']);
    const bad = await rig.docker(['images', '-f', 'nope=1']);
    expect(bad.stderr).toBe("Error response from daemon: Invalid filter 'nope'\n");
  });

  test('show their history as built, and empty rows cost nothing', async () => {
    const format = '{{.ID}}|{{.CreatedBy}}|{{.Size}}';
    const rows = await rig.docker(['history', '--no-trunc', '--format', format, 'demo:0.1']);
    expect(rows.stdout.split('\n')).toEqual([
      `${demo.name}|CMD ["our-application"]|0B`,
      '<missing>|RUN chmod 755|50B',
      '<missing>|RUN echo|100B',
      '<missing>|CMD ["sh"]|0B',
      '<missing>|ADD file:base in /|4MB',
      '',
    ]);
  });

  test.each([
    ['a familiar name', 'demo:0.1'],
    ['a canonical name', 'docker.io/library/demo:0.1'],
    ['a digest', `demo@${manifest}`],
    ['a whole id', demo.name],
    ['a short id', shortId(demo.name)],
    ['another registry', 'registry.test:5000/team/demo:1'],
  ])('are found by %s', async (_how, name) => {
    const shown = await rig.docker([
      'image',
      'inspect',
      '-f',
      '{{.Id}} {{json .RepoTags}} {{len .RootFS.Layers}}',
      name,
    ]);
    expect(shown).toEqual({
      code: 0,
      stdout: `${demo.name} ["demo:0.1","registry.test:5000/team/demo:1"] 3\n`,
      stderr: '',
    });
  });

  test('that are not there are not found, in the words of dockerd', async () => {
    for (const [name, shown] of [
      ['nothing', 'nothing:latest'],
      ['half', 'half:latest'],
      [`demo@${digestOf('other')}`, `demo@${digestOf('other')}`],
      [digestOf('other'), digestOf('other')],
    ]) {
      const missing = await rig.docker(['image', 'inspect', String(name)]);
      expect(missing.code).toBe(1);
      expect(missing.stderr).toBe(`Error response from daemon: No such image: ${shown}\n`);
    }
    expect((await rig.docker(['inspect', '-f', '{{.Os}}', 'busybox'])).stdout).toBe('linux\n');
  });

  test('cannot be given an impossible name, nor removed by their id while several repositories name them', async () => {
    const tagged = await rig.docker(['tag', 'nothing', 'other:1']);
    expect(tagged.stderr).toBe('Error response from daemon: No such image: nothing:latest\n');
    const removed = await rig.docker(['rmi', shortId(demo.name)]);
    expect(removed.code).toBe(1);
    expect(removed.stderr).toContain(
      `conflict: unable to delete ${shortId(demo.name)} (must be forced) - image is referenced in multiple repositories`,
    );
    const missing = await rig.docker(['rmi', 'nothing']);
    expect(missing.stderr).toContain('No such image: nothing:latest');
  });

  test('count in system df, shared layers once', async () => {
    const counted = await rig.docker(['system', 'df', '--format', '{{.Type}} {{.TotalCount}} {{.Size}}']);
    expect(counted.stdout).toContain('Images 3 4MB');
    const verbose = await rig.docker(['system', 'df', '-v']);
    expect(verbose.code).toBe(0);
    expect(verbose.stdout).toContain('demo');
  });
});
