import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type DockerSystem, startDockerSystem } from '../../test/harness/docker-system.ts';

// What `docker create` and `docker run` ask for, and what `docker ps` finds by it, with the real CLI.

let bed: DockerSystem;
let ok: DockerSystem['ok'];
let refused: DockerSystem['refused'];

beforeAll(async () => {
  bed = await startDockerSystem('busybox', 'demo');
  ({ ok, refused } = bed);
}, 180_000);
afterAll(() => bed?.close());
afterEach(async () => {
  const left = await bed.lines('ps', '-aq');
  if (left.length > 0) await ok('rm', '-f', ...left);
});

const words = (text: string): readonly string[] => text.split(' ');

async function inspect(name: string): Promise<Readonly<Record<string, unknown>>> {
  const [shown] = JSON.parse(await ok('inspect', name)) as readonly Readonly<Record<string, unknown>>[];
  return shown ?? {};
}

describe('options of containers by the CLI', { timeout: 120_000 }, () => {
  test('what was asked for is shown', async () => {
    await ok(
      ...words('create --name full --hostname host-a --domainname example.test --user 1000:100 -w /work -e A=1'),
      '-e',
      'B=two words',
      ...words('--label team=a --stop-signal SIGINT --stop-timeout 3 --entrypoint /bin/echo -i -t --expose 9000'),
      ...words('-p 127.0.0.1:8080:80/tcp -p 53:53/udp --restart always busybox hello world'),
    );
    const shown = await inspect('full');
    expect(shown).toMatchObject({
      Name: '/full',
      Path: '/bin/echo',
      Args: ['hello', 'world'],
      State: { Status: 'created', Running: false, ExitCode: 0 },
      Config: {
        Hostname: 'host-a',
        Domainname: 'example.test',
        User: '1000:100',
        WorkingDir: '/work',
        Env: expect.arrayContaining(['A=1', 'B=two words']),
        Labels: { team: 'a' },
        StopSignal: 'SIGINT',
        StopTimeout: 3,
        Entrypoint: ['/bin/echo'],
        Cmd: ['hello', 'world'],
        Image: 'busybox',
        Tty: true,
        OpenStdin: true,
        ExposedPorts: { '80/tcp': {}, '53/udp': {}, '9000/tcp': {} },
      },
      HostConfig: {
        NetworkMode: 'bridge',
        PortBindings: {
          '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }],
          '53/udp': [{ HostIp: '', HostPort: '53' }],
        },
        RestartPolicy: { Name: 'always', MaximumRetryCount: 0 },
      },
      NetworkSettings: { Networks: { bridge: {} }, Ports: {} },
    });
    await ok('start', 'full');
    expect(await ok('ps', '-f', 'name=full', '--format', '{{.Ports}}')).toBe(
      '0.0.0.0:53->53/udp, 9000/tcp, 127.0.0.1:8080->80/tcp\n',
    );
    expect(await inspect('full')).toMatchObject({
      Stowage: { state: 'running', host: expect.stringMatching(/^esx-/) },
    });
  });

  test('volumes are mounted: named ones are made, anonymous ones go with -v', async () => {
    await ok('volume', 'create', '-o', 'VolumeStore=nfs', 'shared');
    await ok('volume', 'create', 'ro_vol');
    await ok(
      ...words('run -d --name data -v demo_vol:/vol -v shared:/nfs:nocopy -v /anon'),
      ...words('--mount type=volume,src=ro_vol,dst=/r,readonly'),
      '--mount',
      'type=volume,src=opt_vol,dst=/o,volume-driver=vsphere,volume-opt=size=20MB,volume-label=x=y',
      ...words('busybox sleep 2d'),
    );
    const { Mounts: mounts } = await inspect('data');
    const of = (name: string, destination: string, rest = {}) =>
      expect.objectContaining({
        Type: 'volume',
        Name: name,
        Destination: destination,
        Driver: 'vsphere',
        RW: true,
        ...rest,
      });
    expect(mounts).toHaveLength(5);
    expect(mounts).toEqual(
      expect.arrayContaining([
        of('demo_vol', '/vol', { Source: expect.stringMatching(/demo_vol\.vmdk$/) }),
        of('shared', '/nfs', { Mode: 'nocopy' }),
        of('ro_vol', '/r', { RW: false, Mode: 'ro' }),
        of('opt_vol', '/o'),
        expect.objectContaining({ Destination: '/anon', Name: expect.stringMatching(/^[0-9a-f]{64}$/) }),
      ]),
    );
    expect(await ok('volume', 'inspect', '-f', '{{.Status.capacity}} {{.Labels.x}}', 'opt_vol')).toBe('20 MB y\n');
    expect(await bed.lines('ps', '-q', '-f', 'volume=demo_vol')).toHaveLength(1);
    expect(await bed.lines('ps', '-q', '-f', 'volume=/anon')).toHaveLength(1);
    await ok('create', '--name', 'reader', '--volumes-from', 'data:ro', '-v', 'mine:/vol', 'busybox');
    expect((await inspect('reader'))['Mounts']).toEqual(
      expect.arrayContaining([of('mine', '/vol'), of('shared', '/nfs', { RW: false, Mode: 'ro,nocopy' })]),
    );
    const anonymous = await bed.lines('volume', 'ls', '-q', '-f', 'label=com.docker.volume.anonymous');
    expect(anonymous).toHaveLength(1);
    // The other container has it by now: it stays until that goes, too.
    await ok('rm', '-f', '-v', 'data');
    expect(await bed.lines('volume', 'ls', '-q')).toContain(anonymous[0]);
    await ok('rm', '-v', 'reader');
    expect((await bed.lines('volume', 'ls', '-q')).toSorted()).toEqual(
      [anonymous[0] ?? '', 'demo_vol', 'mine', 'opt_vol', 'ro_vol', 'shared'].toSorted(),
    );
    await ok('run', '-d', '--name', 'gone', '-v', '/anon', 'busybox', 'sleep', '2d');
    expect(await bed.lines('volume', 'ls', '-q')).toHaveLength(7);
    await ok('rm', '-f', '-v', 'gone');
    expect(await bed.lines('volume', 'ls', '-q')).toHaveLength(6);
  });

  test('what cannot be is refused, and why and what instead is said', async () => {
    const cases: readonly (readonly [readonly string[], string])[] = [
      [['-v', '/host:/x'], '/host:/x: directories of a host cannot be mounted'],
      [['--mount', 'type=bind,src=/etc,dst=/x'], 'use a volume, as in -v NAME:/x'],
      [['-v', 'x:/vol'], 'volume name is too short, names should be at least two alphanumeric characters'],
      [['-v', 'data:/vol:shiny'], "invalid mode: shiny in 'data:/vol:shiny'"],
      [['-v', 'one_vol:/x', '-v', 'two_vol:/x'], 'Duplicate mount point: /x'],
      [['--volumes-from', 'nosuch'], '--volumes-from nosuch: No such container: nosuch'],
      [['--mount', 'type=volume,src=sub,dst=/x,volume-subpath=a'], 'a volume is mounted whole'],
      [['--mount', 'type=volume,src=odd_opt,dst=/x,volume-opt=bogus=1'], 'bogus'],
      [['--volume-driver', 'nfs', '-v', 'data:/x'], 'plugin "nfs" not found'],
      [['--network', 'host'], '--network host: a container is a virtual machine of its own'],
      [['--network', 'mine'], 'network mine not found: the networks are bridge and none'],
      [['--pid', 'host'], 'a container is a virtual machine of its own'],
      [['--device', '/dev/sda'], 'devices of a host cannot be given to a container'],
      [['--link', 'a:b'], 'links are not supported'],
      [['--ip', '10.0.0.1'], 'the port group of vSphere decides'],
      [['--log-driver', 'syslog'], 'the only log driver is json-file'],
      [['--runtime', 'kata'], 'the only runtime is vsphere'],
      [['-p', '8000-8010:80'], 'any one of a range of ports is not supported'],
      [['-m', '7'], 'Minimum memory limit allowed is 6MB'],
    ];
    for (const [args, message] of cases) {
      const ran = await bed.docker('run', '-d', ...args, 'busybox');
      expect([args, ran.code, ran.stderr]).toEqual([args, 125, expect.stringContaining(message)]);
    }
    expect(await ok('ps', '-aq')).toBe('');
    expect(await refused('create', '--pull', 'never', 'nosuch')).toBe('No such image: nosuch:latest');
    expect(await refused('create', '--pull', 'never', '--platform', 'linux/arm64', 'busybox')).toContain(
      'does not match the specified platform (linux/arm64)',
    );
  });

  test('what is not applied is warned of', async () => {
    const ran = await bed.docker(
      ...words('run -d --name warned --privileged --tmpfs /t --cpu-shares 5 --init --oom-score-adj 7 -p 80:80 busybox'),
    );
    expect(ran.code).toBe(0);
    expect(ran.stderr.split('\n').toSorted()).toEqual([
      '',
      'WARNING: --cpu-shares: discarded, vSphere has nothing like it: use --cpus',
      'WARNING: --init: kept, but not applied yet',
      'WARNING: --oom-score-adj: kept, but not applied yet',
    ]);
    expect(await inspect('warned')).toMatchObject({ HostConfig: { Privileged: true, Tmpfs: { '/t': '' } } });
  });

  test('ps finds by every filter', async () => {
    const names = async (...args: string[]): Promise<readonly string[]> =>
      await bed.lines('ps', '--format', '{{.Names}}', ...args);
    const one = (await ok('run', '-d', '--name', 'one', '--label', 'n=1', '-p', '81:80', 'demo:0.1')).trim();
    await ok('run', '-d', '--name', 'two', '--label', 'n=2', '--network', 'none', 'busybox', 'sleep', '2d');
    await ok('create', '--name', 'three', 'busybox');
    await ok('stop', '-t', '0', 'two');
    expect(await names()).toEqual(['one']);
    expect(await names('-a')).toEqual(['three', 'two', 'one']);
    expect(await names('-l')).toEqual(['three']);
    expect(await names('-n', '2')).toEqual(['three', 'two']);
    const cases: readonly (readonly [string, readonly string[]])[] = [
      ['status=created', ['three']],
      ['status=exited', ['two']],
      ['exited=137', ['two']],
      ['exited=0', []],
      ['name=^t', ['three', 'two']],
      ['name=/one', ['one']],
      [`id=${one.slice(0, 8)}`, ['one']],
      ['label=n', ['two', 'one']],
      ['label=n=2', ['two']],
      ['ancestor=demo:0.1', ['one']],
      ['ancestor=busybox', ['three', 'two']],
      ['before=two', ['one']],
      ['since=two', ['three']],
      ['network=none', ['two']],
      ['publish=81', ['one']],
      ['expose=80/tcp', ['one']],
      ['volume=nosuch', []],
      ['health=none', ['three', 'two', 'one']],
      ['is-task=false', ['three', 'two', 'one']],
    ];
    for (const [filter, found] of cases) expect([filter, await names('-a', '-f', filter)]).toEqual([filter, found]);
    expect(await refused('ps', '-f', 'status=odd')).toBe("invalid filter 'status=odd'");
    expect(await refused('ps', '-f', 'nope=1')).toBe("Invalid filter 'nope'");
    expect(await refused('ps', '-f', 'before=nosuch')).toBe('No such container: nosuch');
    const bare = await ok(
      'ps',
      '-a',
      '--no-trunc',
      '--format',
      '{{.ID}} {{.Image}} {{.Command}} {{.State}} {{.Networks}}',
    );
    expect(bare).toContain(`${one} demo:0.1 "/bin/our-application" running bridge\n`);
  });
});
