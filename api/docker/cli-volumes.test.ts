import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startSystem, type System } from '../../test/harness/system.ts';
import { type DockerRig, serveDocker } from './rig.ts';

// The real CLI, against real workers on a lab vCenter.

let system: System;
let rig: DockerRig;

beforeAll(async () => {
  system = await startSystem();
  rig = await serveDocker({ submit: system.submit, ...system.store });
}, 180_000);

afterAll(async () => {
  await rig?.close();
  await system?.close();
});

describe('volumes by the CLI', { timeout: 120_000 }, () => {
  test('a volume is made, listed, inspected and removed', async () => {
    const created = await rig.docker(['volume', 'create', '--name', 'demo_vol']);
    expect(created).toEqual({ code: 0, stdout: 'demo_vol\n', stderr: '' });

    const listed = await rig.docker(['volume', 'ls']);
    expect(listed.stdout).toMatch(/^DRIVER\s+VOLUME NAME\nvsphere\s+demo_vol\n$/);
    const shown = await rig.docker(['volume', 'inspect', 'demo_vol']);
    expect(JSON.parse(shown.stdout)).toEqual([
      expect.objectContaining({
        Name: 'demo_vol',
        Driver: 'vsphere',
        Scope: 'global',
        Labels: null,
        Mountpoint: expect.stringMatching(/^\[.*demo_vol\.vmdk$/),
        Options: expect.objectContaining({ VolumeStore: 'default', Capacity: '1024MB' }),
        Status: expect.objectContaining({ state: 'available', capacityBytes: 1_024_000_000, holders: [] }),
      }),
    ]);

    const removed = await rig.docker(['volume', 'rm', 'demo_vol']);
    expect(removed).toEqual({ code: 0, stdout: 'demo_vol\n', stderr: '' });
    expect((await rig.docker(['volume', 'ls', '-q'])).stdout).toBe('');
  });

  test('options and labels reach the volume; the same again is the same volume, another is a conflict', async () => {
    const args = ['volume', 'create', '-d', 'vsphere', '-o', 'Capacity=10MB', '--label', 'team=a', 'shared'];
    expect((await rig.docker(args)).code).toBe(0);
    expect((await rig.docker(args)).stdout).toBe('shared\n');
    const format = '{{.Status.capacity}} {{.Labels.team}}';
    expect((await rig.docker(['volume', 'inspect', '-f', format, 'shared'])).stdout).toBe('10 MB a\n');
    const other = await rig.docker(['volume', 'create', '-o', 'Capacity=20MB', '--label', 'team=a', 'shared']);
    expect(other.code).toBe(1);
    expect(other.stderr).toMatch(/^Error response from daemon: volume shared exists with another specification: .*20/);
    // Whoever asked was told: no dead letter waits for anybody.
    expect((await system.store.jobs.list({ state: 'dead' }, { limit: 10 })).items).toEqual([]);
    expect((await rig.docker(['volume', 'rm', 'shared'])).code).toBe(0);
  });

  test('a volume begins with the content of another', async () => {
    await rig.docker(['volume', 'create', '-o', 'Capacity=10MB', 'source']);
    expect((await rig.docker(['volume', 'create', '-o', 'clone-from=source', 'copy'])).stdout).toBe('copy\n');
    const format = '{{index .Options "clone-from"}} {{.Status.capacity}}';
    expect((await rig.docker(['volume', 'inspect', '-f', format, 'copy'])).stdout).toBe('source 10 MB\n');
    expect((await rig.docker(['volume', 'rm', 'source', 'copy'])).stdout).toBe('source\ncopy\n');
    const missing = await rig.docker(['volume', 'create', '-o', 'clone-from=nowhere', 'copy']);
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('nowhere') });
  });

  test('what cannot be is refused in words for the user', async () => {
    const cases: readonly (readonly [readonly string[], string])[] = [
      [['-o', 'bogus=1', 'xvol'], 'create xvol: option bogus: is not an option; the options are VolumeStore,'],
      [['-o', 'Capacity=0', 'xvol'], 'create xvol: option Capacity: "0" is too small'],
      [['-o', 'VolumeStore=none', 'xvol'], 'create xvol: option VolumeStore: there is no volume store "none"'],
      [['-d', 'nfs', 'xvol'], 'error looking up volume plugin nfs: plugin "nfs" not found'],
      [['x'], 'create x: volume name is too short, names should be at least two alphanumeric characters'],
      [['a b'], 'create a b: a volume name starts with a letter or digit'],
    ];
    for (const [args, message] of cases) {
      const refused = await rig.docker(['volume', 'create', ...args]);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain(`Error response from daemon: ${message}`);
    }
  });

  test('a volume in use is kept, and its holder named', async () => {
    await rig.docker(['volume', 'create', '-o', 'Capacity=10MB', 'held']);
    const attached = await system.run('volume.attach', { volume: 'held', machine: 'lab-vm-1' });
    expect(attached.state).toBe('succeeded');
    for (const flags of [[], ['-f']]) {
      const refused = await rig.docker(['volume', 'rm', ...flags, 'held']);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/^Error response from daemon: remove held: volume is in use - \[machine .+\]\n$/);
    }
    expect((await rig.docker(['volume', 'ls', '-q', '-f', 'dangling=false'])).stdout).toBe('held\n');
    expect((await rig.docker(['volume', 'ls', '-q', '-f', 'dangling=true'])).stdout).toBe('');
    expect((await rig.docker(['volume', 'prune', '-af'])).stdout).not.toContain('held');
  });

  test('a missing volume is not found, and forced removal of it is no error', async () => {
    const missing = await rig.docker(['volume', 'rm', 'nowhere']);
    expect(missing).toEqual({
      code: 1,
      stdout: '',
      stderr: 'Error response from daemon: get nowhere: no such volume\n',
    });
    expect((await rig.docker(['volume', 'rm', '-f', 'nowhere'])).code).toBe(0);
    const shown = await rig.docker(['volume', 'inspect', 'nowhere']);
    expect(shown).toEqual({
      code: 1,
      stdout: '[]\n',
      stderr: 'Error response from daemon: get nowhere: no such volume\n',
    });
  });

  test('prune takes anonymous volumes only, all unused ones when asked, and those before API 1.42', async () => {
    const anonymous = (await rig.docker(['volume', 'create', '-o', 'Capacity=10MB'])).stdout.trim();
    expect(anonymous).toMatch(/^[0-9a-f]{64}$/);
    await rig.docker(['volume', 'create', '-o', 'Capacity=10MB', '--label', 'keep=1', 'named']);
    await rig.docker(['volume', 'create', '-o', 'Capacity=10MB', 'plain']);
    const pruned = await rig.docker(['volume', 'prune', '-f']);
    expect(pruned.stdout).toBe(`Deleted Volumes:\n${anonymous}\n\nTotal reclaimed space: 10MB\n`);
    const kept = await rig.docker(['volume', 'prune', '-af', '--filter', 'label!=keep']);
    expect(kept.stdout).toContain('plain');
    expect((await rig.docker(['volume', 'ls', '-q', '-f', 'name=named'])).stdout).toBe('named\n');
    const old = await rig.docker(['volume', 'prune', '-f'], { DOCKER_API_VERSION: '1.41' });
    expect(old.stdout).toContain('named');
  });
});
