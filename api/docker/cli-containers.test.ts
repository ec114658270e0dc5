import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DockerSystem, startDockerSystem } from '../../test/harness/docker-system.ts';

// What is done to containers, by the real CLI.

let bed: DockerSystem;
let ok: DockerSystem['ok'];
let refused: DockerSystem['refused'];

beforeAll(async () => {
  bed = await startDockerSystem('busybox', 'demo');
  ({ ok, refused } = bed);
}, 180_000);
afterAll(() => bed?.close());

const ID = /^[0-9a-f]{64}\n$/;
const inspect = (name: string, format: string): Promise<string> => ok('inspect', '-f', format, name);
const status = (name: string): Promise<string> =>
  ok('ps', '-a', '-f', `name=^${name}$`, '--format', '{{.State}}|{{.Status}}');

describe('containers by the CLI', { timeout: 120_000 }, () => {
  test('one is run in the background, shown, stopped, started, killed and removed', async () => {
    const id = await ok('run', '-d', '--name', 'web', 'demo:0.1');
    expect(id).toMatch(ID);
    expect(await ok('ps')).toMatch(
      /^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES\n[0-9a-f]{12} +demo:0\.1 +"\/bin\/our-application" +.* ago +Up .* web\n$/,
    );
    expect(await ok('ps', '--no-trunc', '-q')).toBe(id);
    expect(await ok('ps', '--size', '--format', '{{.Size}}')).toMatch(/^0B \(virtual 1\.\d+MB\)\n$/);
    expect(await ok('start', 'web')).toBe('web\n');
    expect(await refused('rm', 'web')).toBe(
      'cannot remove container "/web": container is running: stop the container before removing or force remove',
    );
    expect(await ok('stop', '-t', '1', 'web')).toBe('web\n');
    expect(await ok('stop', 'web')).toBe('web\n');
    expect(await status('web')).toMatch(/^exited\|Exited \(137\) .* ago\n$/);
    expect(await ok('ps', '-q')).toBe('');
    expect(await refused('kill', 'web')).toBe(`cannot kill container: web: container ${id.trim()} is not running`);
    expect(await refused('pause', 'web')).toBe(`container ${id.trim()} is not running`);
    expect(await ok('restart', '-t', '1', 'web')).toBe('web\n');
    expect(await ok('kill', '-s', 'WINCH', 'web')).toBe('web\n');
    expect(await status('web')).toMatch(/^running\|Up /);
    expect(await refused('kill', '-s', 'HUP', 'web')).toContain('nobody is inside of the machine');
    expect(await refused('kill', '-s', 'NONE', 'web')).toBe('invalid signal: NONE');
    expect(await ok('kill', id.slice(0, 12))).toBe(`${id.slice(0, 12)}\n`);
    expect(await ok('wait', 'web')).toBe('137\n');
    expect(await ok('rm', 'web')).toBe('web\n');
    expect(await refused('rm', 'web')).toBe('No such container: web');
    expect(await bed.docker('rm', '-f', 'web')).toEqual({
      code: 0,
      stdout: '',
      stderr: 'Error response from daemon: No such container: web\n',
    });
  });

  test('one is paused, and runs on', async () => {
    const id = (await ok('run', '-d', '--name', 'still', 'busybox', 'sleep', '2d')).trim();
    expect(await ok('pause', 'still')).toBe('still\n');
    expect(await status('still')).toMatch(/^paused\|Up .* \(Paused\)\n$/);
    expect(await refused('pause', 'still')).toBe(`container ${id} is already paused`);
    expect(await refused('start', 'still')).toBe('cannot start a paused container, try unpause instead');
    expect(await inspect('still', '{{.State.Status}} {{.State.Paused}} {{.State.Running}}')).toBe('paused true true\n');
    expect(await ok('unpause', 'still')).toBe('still\n');
    expect(await refused('unpause', 'still')).toBe('Container still is not paused');
    expect(await ok('rm', '-f', 'still')).toBe('still\n');
  });

  test('names are unique, can be changed, and are made up', async () => {
    const first = (await ok('create', '--name', 'first', 'busybox')).trim();
    const taken = `Conflict. The container name "/first" is already in use by container "${first}". You have to remove (or rename) that container to be able to reuse that name.`;
    expect(await refused('create', '--name', 'first', 'busybox')).toBe(taken);
    const second = (await ok('create', 'busybox')).trim();
    expect(await inspect(second, '{{.Name}}')).toMatch(/^\/[a-z]+_[a-z]+_\w+\n$/);
    expect(await refused('rename', second, 'first')).toBe(taken);
    expect(await ok('rename', second, 'other')).toBe('');
    expect(await inspect('other', '{{.Id}}')).toBe(`${second}\n`);
    expect(await refused('create', '--name', 'a/b', 'busybox')).toBe(
      'Invalid container name (a/b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed',
    );
    await ok('rm', 'first', 'other');
  });

  test('memory, CPUs and the restart policy are kept, and changed', async () => {
    await ok('create', '--name', 'sized', '--memory', '100m', '--cpus', '1.5', '--restart', 'on-failure:3', 'busybox');
    const format =
      '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.RestartPolicy.Name}}:{{.HostConfig.RestartPolicy.MaximumRetryCount}}';
    expect(await inspect('sized', format)).toBe('104857600 1500000000 on-failure:3\n');
    expect(await ok('update', '--memory', '200m', '--cpus', '2', 'sized')).toBe('sized\n');
    expect(await inspect('sized', format)).toBe('209715200 2000000000 on-failure:3\n');
    expect(await ok('update', '--restart', 'unless-stopped', 'sized')).toBe('sized\n');
    expect(await inspect('sized', format)).toBe('209715200 2000000000 unless-stopped:0\n');
    expect(await refused('update', '--cpu-shares', '5', 'sized')).toContain('CpuShares cannot be changed');
    expect(await refused('update', '--memory', '1m', 'sized')).toBe('Minimum memory limit allowed is 6MB');
    await ok('start', 'sized');
    expect(await refused('update', '--memory', '300m', 'sized')).toContain('only be changed while it is stopped');
    await ok('rm', '-f', 'sized');
  });

  test('wait tells of the exit, and --rm of the end', async () => {
    await ok('run', '-d', '--name', 'waited', 'busybox', 'sleep', '2d');
    const waiting = ok('wait', 'waited');
    await ok('stop', '-t', '0', 'waited');
    expect(await waiting).toBe('137\n');
    await ok('rm', 'waited');
    const id = (await ok('run', '-d', '--rm', '--name', 'brief', '-v', '/anon', 'busybox', 'sleep', '2d')).trim();
    expect(await ok('volume', 'ls', '-q')).toMatch(ID);
    const removed = fetch(`http://${bed.rig.address}/containers/${id}/wait?condition=removed`, { method: 'POST' });
    await ok('stop', 'brief');
    expect(await (await removed).json()).toEqual({ StatusCode: 137 });
    expect(await refused('inspect', '--type', 'container', 'brief')).toBe('No such container: brief');
    expect(await refused('wait', 'brief')).toBe('No such container: brief');
  });

  test('a --rm container that does not start is removed, and the CLI comes back', async () => {
    await ok('run', '-d', '--name', 'owner', '-v', 'only_one:/data', 'busybox', 'sleep', '2d');
    const failed = await bed.docker('run', '-d', '--rm', '--name', 'late', '-v', 'only_one:/data', 'busybox');
    expect(failed.code).toBe(125);
    expect(failed.stderr).toMatch(/only_one.*(in use|owner)/);
    expect(await refused('inspect', '--type', 'container', 'late')).toBe('No such container: late');
    await ok('rm', '-f', 'owner');
    await ok('volume', 'rm', 'only_one');
  });

  test('without a gateway, what attaches is told how to do without, and what needs the guest is refused', async () => {
    const attached = await bed.docker('run', '--name', 'shown', 'busybox', 'true');
    expect(attached.code).toBe(1);
    expect(attached.stderr).toMatch(/^WARNING: attaching to a container needs a gateway.*use `docker run -d`/);
    for (const command of [['logs'], ['top'], ['diff'], ['export'], ['stats', '--no-stream']]) {
      const ran = await bed.docker(...command, 'shown');
      expect([command[0], ran.stderr + ran.stdout]).toEqual([
        command[0],
        expect.stringContaining('set STOWAGE_GATEWAY_KEY'),
      ]);
    }
    expect(await refused('exec', 'shown', 'true')).toContain('running a command in a container needs the gateway');
    expect(await refused('cp', 'shown:/etc/passwd', '-')).toContain('needs the gateway');
    expect(await refused('logs', 'missing')).toBe('No such container: missing');
    expect(await refused('exec', 'missing', 'true')).toBe('No such container: missing');
    await ok('rm', 'shown');
  });

  test('prune removes what does not run', async () => {
    await ok('run', '-d', '--name', 'runs', 'busybox', 'sleep', '2d');
    const stale = (await ok('create', '--label', 'keep=no', 'busybox')).trim();
    await ok('create', '--name', 'kept', '--label', 'keep=yes', 'busybox');
    expect(await ok('container', 'prune', '-f', '--filter', 'label!=keep=yes')).toBe(
      `Deleted Containers:\n${stale}\n\nTotal reclaimed space: 0B\n`,
    );
    expect((await bed.lines('ps', '-a', '--format', '{{.Names}}')).toSorted()).toEqual(['kept', 'runs']);
    expect(await ok('info', '--format', '{{.Containers}} {{.ContainersRunning}} {{.ContainersStopped}}')).toBe(
      '2 1 1\n',
    );
    expect(await ok('system', 'df', '--format', '{{.Type}} {{.TotalCount}} {{.Active}}')).toMatch(
      /^Images 2 1\nContainers 2 1\n/,
    );
    await ok('rm', '-f', 'runs', 'kept');
  });

  test('events are those of dockerd', async () => {
    const since = String(Math.floor(Date.now() / 1_000));
    const id = (await ok('run', '-d', '--name', 'told', '--label', 'team=a', 'busybox', 'sleep', '2d')).trim();
    await ok('pause', 'told');
    await ok('unpause', 'told');
    await ok('rename', 'told', 'renamed');
    await ok('kill', 'renamed');
    await ok('update', '--restart', 'always', 'renamed');
    await ok('rm', 'renamed');
    const until = String(Math.floor(Date.now() / 1_000) + 1);
    const told = (...args: string[]): Promise<readonly string[]> =>
      bed.lines('events', '--since', since, '--until', until, '--filter', `container=${id}`, ...args);
    expect(await told('--format', '{{.Action}} {{.Actor.Attributes.name}}')).toEqual([
      'create told',
      'start told',
      'pause told',
      'unpause told',
      'rename renamed',
      'kill renamed',
      'die renamed',
      'update renamed',
      'destroy renamed',
    ]);
    const [died] = await told('--filter', 'event=die', '--format', '{{json .}}');
    expect(JSON.parse(died ?? '')).toMatchObject({
      status: 'die',
      id,
      from: 'busybox',
      Type: 'container',
      Actor: { ID: id, Attributes: { image: 'busybox', name: 'renamed', team: 'a', exitCode: '137' } },
    });
    const attribute = (name: string): string => `{{index .Actor.Attributes "${name}"}}`;
    expect(await told('--filter', 'event=kill', '--format', attribute('signal'))).toEqual(['9']);
    expect(await told('--filter', 'event=rename', '--format', attribute('oldName'))).toEqual(['/told']);
    for (const filter of ['image=busybox', 'label=team=a', 'type=container'])
      expect(await told('--filter', filter)).toHaveLength(9);
    for (const filter of ['image=demo', 'label=team=b', 'type=volume'])
      expect(await told('--filter', filter)).toEqual([]);
    expect((await told('--filter', 'event=start'))[0]).toMatch(
      /^2\S+ container start [0-9a-f]{64} \(image=busybox, name=told, team=a\)$/,
    );
  });

  test.each(['1.24', '1.29', '1.41', '1.43'])('a client of API %s runs one, too', async (version) => {
    const docker = (...args: string[]) => bed.rig.docker(args, { DOCKER_API_VERSION: version });
    const name = `old_${version.slice(2)}`;
    const run = await docker('run', '-d', '--name', name, '-v', '/anon', 'busybox', 'sleep', '2d');
    expect(run).toMatchObject({ code: 0, stdout: expect.stringMatching(ID) as string });
    // Before 1.30 the CLI follows events meanwhile, and may complain of its own cancelling them.
    expect(run.stderr).toMatch(
      /^(?:time=\S+ level=error msg="error getting events from daemon: context canceled"\n)?$/,
    );
    expect((await docker('ps', '--format', '{{.Names}} {{.Status}}')).stdout).toMatch(new RegExp(`^${name} Up `));
    expect((await docker('inspect', '-f', '{{.State.Running}}', name)).stdout).toBe('true\n');
    expect(await docker('stop', name)).toMatchObject({ code: 0 });
    expect((await docker('wait', name)).stdout).toBe('137\n');
    expect(await docker('rm', '-v', name)).toEqual({ code: 0, stdout: `${name}\n`, stderr: '' });
    expect(await ok('volume', 'ls', '-q', '-f', 'dangling=true')).toBe('');
  });

  test('the API itself is as SDKs expect it', async () => {
    const call = async (method: string, path: string, body?: object): Promise<readonly [number, unknown]> => {
      const answer = await fetch(`http://${bed.rig.address}${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });
      const text = await answer.text();
      return [answer.status, text === '' ? undefined : JSON.parse(text)];
    };
    // docker-py sends null for what was not given, and one string for a command.
    const made = { Image: 'busybox', Cmd: 'true', Env: null, Volumes: null, Labels: { empty: '' }, HostConfig: null };
    const [status, answer] = await call('POST', '/containers/create?name=/sdk', made);
    const { Id: id } = answer as { readonly Id: string };
    expect([status, answer]).toEqual([201, { Id: expect.stringMatching(/^[0-9a-f]{64}$/) as string, Warnings: [] }]);
    expect(await call('GET', '/v1.24/containers/sdk/json')).toMatchObject([
      200,
      { Id: id, Config: { Cmd: ['true'], Labels: { empty: '' } }, HostConfig: {} },
    ]);
    expect(await call('POST', '/containers/sdk/wait')).toEqual([200, { StatusCode: 0 }]);
    expect(await call('POST', '/containers/sdk/wait?condition=bored')).toMatchObject([400, {}]);
    expect(await call('POST', '/containers/sdk/stop')).toEqual([304, undefined]);
    expect(await call('POST', '/containers/sdk/start')).toEqual([204, undefined]);
    expect(await call('POST', '/containers/sdk/start')).toEqual([304, undefined]);
    expect(await call('DELETE', '/containers/sdk')).toMatchObject([409, {}]);
    const exit = call('POST', '/containers/sdk/wait?condition=next-exit');
    expect(await call('POST', '/containers/sdk/kill?signal=SIGTERM')).toEqual([204, undefined]);
    expect(await exit).toEqual([200, { StatusCode: 137 }]);
    expect(await call('POST', '/containers/sdk/kill')).toMatchObject([409, {}]);
    expect(await call('GET', '/containers/json?all=True&limit=1')).toMatchObject([200, [{ Id: id, Names: ['/sdk'] }]]);
    expect(await call('GET', '/containers/json?size=1')).toEqual([200, []]);
    expect(await call('DELETE', '/containers/sdk')).toEqual([204, undefined]);
    expect(await call('DELETE', '/containers/sdk?force=1')).toEqual([404, { message: 'No such container: sdk' }]);
    const both = { Image: 'busybox', HostConfig: { AutoRemove: true, RestartPolicy: { Name: 'always' } } };
    expect(await call('POST', '/containers/create', both)).toEqual([
      400,
      { message: "can't create 'AutoRemove' container with restart policy" },
    ]);
    expect(await call('POST', '/containers/create', { Image: 5 })).toMatchObject([400, {}]);
    expect(await call('POST', '/containers/create', {})).toMatchObject([400, { message: 'no image was named' }]);
  });

  test('networks are bridge and none', async () => {
    expect(await bed.lines('network', 'ls', '--format', '{{.Name}} {{.Driver}} {{.Scope}}')).toEqual([
      'bridge bridge local',
      'none null local',
    ]);
    await ok('run', '-d', '--name', 'net', '-p', '8080:80', 'busybox', 'sleep', '2d');
    expect(await ok('network', 'inspect', '-f', '{{range .Containers}}{{.Name}}{{end}}', 'bridge')).toBe('net\n');
    expect(await ok('port', 'net')).toBe('80/tcp -> 0.0.0.0:8080\n');
    expect(await ok('port', 'net', '80')).toBe('0.0.0.0:8080\n');
    expect(await ok('ps', '--format', '{{.Ports}} {{.Networks}}')).toBe('0.0.0.0:8080->80/tcp bridge\n');
    expect(await refused('network', 'inspect', 'nosuch')).toBe('network nosuch not found');
    expect(await refused('network', 'rm', 'bridge')).toBe('bridge is a pre-defined network and cannot be removed');
    expect(await refused('network', 'connect', 'none', 'net')).toContain('keeps the network');
    await ok('rm', '-f', 'net');
  });
});
