import { describe, expect, test } from 'vitest';
import { StowageError } from '../../core/errors.ts';
import { readCreateBody } from './container-body.ts';
import { containerRecord, mountOf } from './container-fixtures.ts';
import { readMounts } from './container-mounts.ts';

const other = containerRecord('other', {
  spec: { mounts: [mountOf('lent', '/lent', { anonymous: true }), mountOf('both', '/both')] },
});
const find = async (text: string) => {
  if (text === 'other') return other;
  throw new StowageError('container-not-found', `No such container: ${text}`);
};
const read = (host: object, more: object = {}) => readMounts(readCreateBody({ ...more, HostConfig: host }), find);
const usual = { access: 'read-write', noCopy: false };

describe('mounts of a request', () => {
  test('a volume by -v, with its modes', async () => {
    expect(await read({ Binds: ['data:/d/', 'logs:/l:ro,nocopy', 'lab:/z:Z', '/anon'] })).toEqual({
      mounts: [
        { volume: 'data', destination: '/d', ...usual },
        { volume: 'logs', destination: '/l', access: 'read-only', noCopy: true },
        { volume: 'lab', destination: '/z', ...usual },
        { destination: '/anon', ...usual },
      ],
      warnings: [],
    });
  });

  test('a volume by --mount, with what makes it', async () => {
    const options = { NoCopy: true, Labels: { a: '' }, DriverConfig: { Name: 'vsphere', Options: { size: '1gb' } } };
    const mount = { Type: 'volume', Source: 'made', Target: '/m', ReadOnly: true, VolumeOptions: options };
    expect((await read({ Mounts: [mount, { Target: '/anon' }] })).mounts).toEqual([
      {
        volume: 'made',
        destination: '/m',
        access: 'read-only',
        noCopy: true,
        options: { size: '1gb' },
        labels: { a: '' },
      },
      { destination: '/anon', ...usual },
    ]);
    expect(await read({ Mounts: [{ Type: 'tmpfs', Target: '/t' }] })).toEqual({
      mounts: [],
      warnings: ['--mount type=tmpfs: kept, but not applied yet'],
    });
  });

  test('what is named here stands before what another container has, and that before what is anonymous', async () => {
    const { mounts } = await read(
      { Binds: ['own:/both'], VolumesFrom: ['other:ro'] },
      { Volumes: { '/lent': {}, '/anon': {} } },
    );
    expect(mounts).toEqual([
      { volume: 'own', destination: '/both', ...usual },
      { volume: 'lent', destination: '/lent', access: 'read-only', noCopy: false },
      { destination: '/anon', ...usual },
    ]);
  });

  test.each<readonly [object, object, string]>([
    [{ Binds: ['/etc:/x'] }, {}, '/etc:/x: directories of a host cannot be mounted'],
    [{ Binds: ['./here:/x'] }, {}, 'directories of a host'],
    [{ Mounts: [{ Type: 'bind', Source: '/etc', Target: '/x' }] }, {}, 'directories of a host'],
    [{ Mounts: [{ Type: 'npipe', Target: '/x' }] }, {}, '--mount type=npipe: use type=volume'],
    [{ Mounts: [{ Target: '/x', VolumeOptions: { Subpath: 'a' } }] }, {}, 'mounted whole'],
    [{ Mounts: [{ Target: '/x', VolumeOptions: { DriverConfig: { Name: 'nfs' } } }] }, {}, 'plugin "nfs" not found'],
    [{ Binds: ['v:/x'] }, {}, 'volume name is too short'],
    [{ Binds: ['a b:/x'] }, {}, 'volume name "a b"'],
    [{ Binds: ['data:x'] }, {}, "invalid mount path: 'x' mount path must be absolute"],
    [{ Binds: ['data://'] }, {}, "destination can't be '/'"],
    [{ Binds: ['data:/x:rshared'] }, {}, 'propagation is of directories of a host'],
    [{ Binds: ['a:/b:c:d'] }, {}, 'invalid volume specification'],
    [{ Binds: ['one:/x', 'two:/x/'] }, {}, 'Duplicate mount point: /x'],
    [{ VolumesFrom: ['gone'] }, {}, '--volumes-from gone: No such container: gone'],
    [{ VolumesFrom: ['other:odd'] }, {}, 'invalid mode: odd'],
    [{}, { Volumes: { 'x:/vol': {} } }, 'volume name is too short'],
    [{}, { Volumes: { 'x/vol': {} } }, 'must be absolute'],
  ])('%j %j is refused', async (host, more, message) => {
    const error = await read(host, more).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StowageError);
    // On creating a container 404 would mean that the image is missing.
    expect(['invalid', 'unsupported']).toContain((error as StowageError).kind);
    expect((error as StowageError).message).toContain(message);
  });
});
