import { describe, expect, it } from 'vitest';
import type { ContainerWorld } from '../../core/container.ts';
import { machineUuidOf, parseContainerId } from '../../core/ids.ts';
import { noted } from '../noted.ts';
import { imageRecord } from '../image/fixtures.ts';
import { settingsOf, sizeOf, specOf, volumePathsOf } from './spec.ts';

const ID = noted(parseContainerId('0123456789abcdef'.repeat(4)));
const MIB = 1_048_576;
const WORLD: ContainerWorld = {
  folder: 'f',
  pool: 'p',
  store: { datastore: 'ds', root: '' },
  network: 'n',
  scratchBytes: 1,
  memoryBytes: 512_000_000,
  cpus: 2,
};

const base = imageRecord({ seed: 'base', names: [] });
const image = {
  ...base,
  config: {
    ...base.config,
    config: {
      Entrypoint: ['/entry'],
      Cmd: ['serve'],
      Env: ['A=1', 'B=2'],
      WorkingDir: '/srv',
      User: 'web',
      Labels: { of: 'image', both: 'image' },
      Volumes: { '/data/': {}, '//logs': {}, '/': {} },
      StopSignal: 'SIGQUIT',
    },
  },
};
const spec = (payload: Partial<Parameters<typeof specOf>[0]> = {}) =>
  specOf({ image: 'app', id: ID, ...payload }, image, []);

describe('what a container is', () => {
  it('is what the image says where nobody says otherwise', () => {
    expect(spec()).toMatchObject({
      entrypoint: ['/entry'],
      command: ['serve'],
      workingDir: '/srv',
      user: 'web',
      stopSignal: 'SIGQUIT',
      hostname: '0123456789ab',
      network: 'bridge',
      imageName: 'app',
    });
  });

  it('another entrypoint takes the command of the image away', () => {
    expect(spec({ entrypoint: ['/other'] })).toMatchObject({ entrypoint: ['/other'], command: [] });
    expect(spec({ command: ['once'] })).toMatchObject({ entrypoint: ['/entry'], command: ['once'] });
  });

  it('the environment of the caller replaces by name, and a name alone takes one away', () => {
    const { env } = spec({ env: ['B=3', 'A', 'C=x=y'] });
    expect(env.filter((entry) => !entry.startsWith('PATH='))).toEqual(['B=3', 'C=x=y']);
    expect(env.some((entry) => entry.startsWith('PATH='))).toBe(true);
  });

  it('labels of both are kept, those of the caller win', () => {
    expect(spec({ labels: { both: 'caller' } }).labels).toEqual({ of: 'image', both: 'caller' });
  });

  it('paths of volumes are plain, and the root is none', () => {
    expect(volumePathsOf(image)).toEqual(['/data', '/logs']);
  });
});

describe('the size of a machine', () => {
  it('is the configured one where nobody says', () => {
    expect(sizeOf(settingsOf({}), WORLD, 2_500)).toEqual({ cpus: 2, memoryMib: 492 });
  });

  it('memory is rounded up to 4 MiB; a part of a CPU is a whole one with a limit', () => {
    const settings = settingsOf({ memoryBytes: 9 * MIB, nanoCpus: 1_500_000_000 });
    expect(sizeOf(settings, WORLD, 2_000)).toEqual({ cpus: 2, memoryMib: 12, cpuLimitMhz: 3_000 });
    expect(sizeOf(settings, WORLD, undefined)).toEqual({ cpus: 2, memoryMib: 12 });
  });

  it('with a guest inside it is enough to boot', () => {
    const guest = { uri: 'tcp://127.0.0.1:2378', waitMs: 1_000, secretOf: () => '' };
    expect(sizeOf(settingsOf({ memoryBytes: 9 * MIB }), { ...WORLD, guest }, undefined).memoryMib).toBe(128);
  });
});

describe('the uuid of a machine', () => {
  it('follows from the id, and is a uuid of version 8', () => {
    expect(machineUuidOf(ID)).toBe('01234567-89ab-8def-8123-456789abcdef');
  });
});
