import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DockerSystem, startDockerSystem } from '../../test/harness/docker-system.ts';

// Images and volumes that containers need, by the real CLI.

let bed: DockerSystem;
let ok: DockerSystem['ok'];
let refused: DockerSystem['refused'];

beforeAll(async () => {
  bed = await startDockerSystem('busybox');
  ({ ok, refused } = bed);
}, 180_000);
afterAll(() => bed?.close());

describe('what containers need, by the CLI', { timeout: 120_000 }, () => {
  test('an image stays while a container has it', async () => {
    const container = (await ok('run', '-d', '--name', 'user', 'busybox', 'sleep', '2d')).slice(0, 12);
    const id = (await ok('images', '-q', '--no-trunc', 'busybox')).trim();
    const short = id.slice('sha256:'.length, 'sha256:'.length + 12);
    const byName = `conflict: unable to remove repository reference "busybox:latest" (must force) - container ${container} is using its referenced image ${short}`;
    const byId = `conflict: unable to delete ${short} (cannot be forced) - image is being used by`;
    expect(await refused('rmi', 'busybox')).toBe(byName);
    expect(await refused('rmi', short)).toBe(`${byId} running container ${container}`);
    await ok('stop', 'user');
    expect(await refused('rmi', 'busybox')).toBe(byName);
    for (const flags of [[], ['-f']])
      expect(await refused('rmi', ...flags, short)).toBe(`${byId} stopped container ${container}`);
    expect(await ok('image', 'prune', '-af')).toBe('Total reclaimed space: 0B\n');
    expect(await ok('images', '--format', '{{.Containers}}')).toBe('1\n');
    expect((await bed.docker('images', '--tree')).stdout).toMatch(/busybox:latest .* U/);
    // With other names left, and by force, only the name goes.
    await ok('tag', 'busybox', 'mine:1');
    expect(await ok('rmi', 'mine:1')).toBe('Untagged: mine:1\n');
    expect(await ok('rmi', '-f', 'busybox')).toMatch(
      /^Untagged: busybox:latest\nUntagged: busybox@sha256:[0-9a-f]{64}\n$/,
    );
    expect(await ok('ps', '-a', '--no-trunc', '--format', '{{.Image}}')).toBe(`${id}\n`);
    expect(await ok('start', 'user')).toBe('user\n');
    expect(await ok('image', 'prune', '-f')).toBe('Total reclaimed space: 0B\n');
    await ok('rm', '-f', 'user');
    expect(await ok('image', 'prune', '-f')).toContain(`deleted: ${id}`);
    expect(await refused('create', '--pull', 'never', 'busybox')).toBe('No such image: busybox:latest');
    // 404 has the CLI pull.
    expect(await ok('create', '--name', 'pulls', '-q', 'busybox')).toMatch(/^[0-9a-f]{64}\n$/);
    await ok('rm', 'pulls');
  });

  test('a volume stays while a container mounts it', async () => {
    const first = (await ok('create', '--name', 'first', '-v', 'kept_vol:/a', 'busybox')).trim();
    expect(await refused('volume', 'rm', 'kept_vol')).toBe(`remove kept_vol: volume is in use - [${first}]`);
    expect(await refused('volume', 'rm', '-f', 'kept_vol')).toBe(`remove kept_vol: volume is in use - [${first}]`);
    expect(await bed.lines('volume', 'ls', '-q', '-f', 'dangling=true')).toEqual([]);
    expect(await bed.lines('volume', 'ls', '-q', '-f', 'dangling=false')).toEqual(['kept_vol']);
    expect(await ok('volume', 'prune', '-af')).toBe('Total reclaimed space: 0B\n');
    expect(await ok('system', 'df', '-v', '--format', '{{range .Volumes}}{{.Name}} {{.Links}}{{end}}')).toContain(
      'kept_vol 1',
    );
    expect(await ok('volume', 'inspect', '-f', '{{json .Status.containers}}', 'kept_vol')).toBe(
      `[{"id":"${first}","name":"first"}]\n`,
    );
    await ok('rm', '-v', 'first');
    expect(await bed.lines('volume', 'ls', '-q', '-f', 'dangling=true')).toEqual(['kept_vol']);
    expect(await ok('volume', 'rm', 'kept_vol')).toBe('kept_vol\n');
  });

  test('a volume that somebody else is making is taken as it comes', async () => {
    for (let round = 0; round < 3; round += 1) {
      const name = `early_${round}`;
      const [made] = await Promise.all([
        bed.docker('create', '--name', name, '-v', `${name}:/a`, 'busybox'),
        bed.docker('volume', 'create', '-o', 'Capacity=10MB', name),
      ]);
      expect(made).toMatchObject({ code: 0 });
      await ok('rm', name);
    }
    expect((await bed.system.store.jobs.list({ state: 'dead' }, { limit: 10 })).items).toEqual([]);
  });

  test('of a creation and a removal at once, one comes first', async () => {
    const { system } = bed;
    for (let round = 0; round < 4; round += 1) {
      const volume = `race_${round}`;
      await ok('volume', 'create', '-o', 'Capacity=10MB', volume);
      const [made, removed] = await Promise.all([
        bed.docker('create', '--name', volume, '-v', `${volume}:/a`, 'busybox'),
        bed.docker('volume', 'rm', volume),
      ]);
      // Removed first, it is made again.
      expect([made.code, removed.code]).not.toEqual([1, 1]);
      if (made.code === 0) {
        expect((await system.volume(volume))?.state).toBe('available');
        await ok('start', volume);
        await ok('rm', '-f', volume);
      }
    }
    for (let round = 0; round < 4; round += 1) {
      const name = `racer_${round}`;
      const [made] = await Promise.all([
        bed.docker('create', '--pull', 'never', '--name', name, 'busybox'),
        bed.docker('rmi', 'busybox'),
      ]);
      if (made.code === 0) {
        await ok('start', name);
        await ok('rm', '-f', name);
      } else await ok('pull', '-q', 'busybox');
    }
  });
});
