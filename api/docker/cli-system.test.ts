import { connect } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HostRecord, StoreRecord } from '../../core/host.ts';
import { moref } from '../../core/ids.ts';
import { randomBytes, systemClock } from '../../platform/clock.ts';
import { createLogger } from '../../platform/log.ts';
import { type DockerRig, serveDocker, startStoreRig, type StoreRig } from './rig.ts';
import { createDockerServer } from './server.ts';

// The real CLI, against a store that no worker serves.

let bed: StoreRig;
let rig: DockerRig;
const updatedAt = '2026-11-24T09:00:00.000Z';

function host(name: string, connection: HostRecord['connection'] = 'connected'): HostRecord {
  const power = { inMaintenance: false, poweredOn: true, cpuMhz: 8_000, cpuCores: 4, memoryBytes: 8_589_934_592 };
  return { type: 'host', name, ref: moref('HostSystem', name), connection, ...power, updatedAt };
}

const storeRecord: StoreRecord = {
  type: 'store',
  name: 'default',
  target: { type: 'datastore', name: 'ds1' },
  root: 'stowage',
  backing: 'block',
  datastores: [],
  capacityBytes: 100_000_000_000,
  freeBytes: 40_000_000_000,
  updatedAt,
};

beforeAll(async () => {
  bed = await startStoreRig();
  rig = await serveDocker({ submit: bed.submit, ...bed.store });
  const records = [host('esx1'), host('esx2'), host('esx3', 'not-responding'), storeRecord];
  for (const record of records) await bed.store.records.observe([{ op: 'put', record, expectedRev: 0 }], []);
}, 60_000);

afterAll(async () => {
  await rig?.close();
  await bed?.close();
});

async function get(path: string, init: RequestInit = {}): Promise<Response> {
  return await fetch(`http://${rig.address}${path}`, init);
}

/** With a Host header that fetch would not send. */
async function getAs(host: string): Promise<string> {
  const [name = '', port] = rig.address.split(':');
  const socket = connect(Number(port), name);
  socket.end(`GET /_ping HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  let text = '';
  socket.on('data', (data) => (text += data.toString()));
  await once(socket, 'close');
  return text;
}

describe('the engine', { timeout: 120_000 }, () => {
  test('a ping tells what clients negotiate with', async () => {
    for (const method of ['HEAD', 'GET']) {
      const ping = await get('/_ping', { method });
      expect(ping.status).toBe(200);
      expect(Object.fromEntries(ping.headers)).toMatchObject({
        'api-version': '1.50',
        'docker-experimental': 'false',
        ostype: 'linux',
        'builder-version': '1',
        swarm: 'inactive',
        server: 'Stowage/0.0.0-test (linux)',
        'cache-control': 'no-cache, no-store, must-revalidate',
      });
      expect(await ping.text()).toBe(method === 'GET' ? 'OK' : '');
    }
  });

  test('version and info are shown by the CLI', async () => {
    const version = await rig.docker([
      'version',
      '--format',
      '{{.Server.Version}} {{.Server.APIVersion}} {{.Server.MinAPIVersion}}',
    ]);
    expect(version).toEqual({ code: 0, stdout: '0.0.0-test 1.50 1.24\n', stderr: '' });
    expect((await rig.docker(['version'])).code).toBe(0);
    const info = await rig.docker(['info']);
    expect(info.code).toBe(0);
    expect(info.stdout).toContain('Storage Driver: vsphere');
    expect(info.stdout).toContain('Volume store default: [ds1] stowage (block), 40 GB free of 100 GB');
    expect(info.stdout).toContain('Hosts: 2 of 3 usable');
    expect(info.stdout).toContain('Swarm: inactive');
    expect(info.stdout).toContain('CPUs: 8');
    expect(info.stdout).toContain('Total Memory: 16GiB');
    expect(info.stderr).toContain('WARNING: host esx3 is not-responding');
  });

  test.each(['1.24', '1.41', '1.44', '1.50'])('a client of API %s is served', async (version) => {
    const env = { DOCKER_API_VERSION: version };
    const seen = await rig.docker(['version', '--format', '{{.Client.APIVersion}}'], env);
    expect(seen).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
    for (const args of [['volume', 'ls'], ['images'], ['ps'], ['network', 'ls'], ['info']]) {
      expect(await rig.docker(args, env)).toMatchObject({ code: 0 });
    }
  });

  test('versions that are too new or too old are refused in the words of dockerd', async () => {
    const fresh = await rig.docker(['volume', 'ls'], { DOCKER_API_VERSION: '1.99' });
    expect(fresh.code).toBe(1);
    expect(fresh.stderr).toContain('client version 1.99 is too new. Maximum supported API version is 1.50');
    const old = await get('/v1.23/volumes');
    expect(old.status).toBe(400);
    expect(await old.json()).toEqual({
      message:
        'client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version',
    });
  });

  test('what is not there is not found, in any version or none', async () => {
    for (const path of ['/nothing', '/v1.50/nothing', '/v1.24/volumes/prune']) {
      const answer = await get(path, path.endsWith('prune') ? { method: 'POST' } : {});
      expect(answer.status).toBe(404);
      expect(await answer.json()).toEqual({ message: 'page not found' });
    }
    expect((await get('/version')).status).toBe(200);
  });

  test('login is judged by the registry', async () => {
    const right = await rig.docker(['login', '-u', 'me', '-p', 'right', 'registry.test']);
    expect(right.code).toBe(0);
    expect(right.stdout).toContain('Login Succeeded');
    const wrong = await rig.docker(['login', '-u', 'me', '-p', 'wrong', 'registry.test']);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain('wrong user name or password');
    expect(rig.log()).not.toContain('"wrong"');
    const search = await rig.docker(['search', '--format', '{{.Name}} {{.StarCount}} {{.IsOfficial}}', 'busybox']);
    expect(search.stdout).toBe('busybox 7 [OK]\n');
  });

  test('system df and prune find nothing to do', async () => {
    expect((await rig.docker(['system', 'df'])).stdout).toMatch(/Images\s+0\s+0\s+0B/);
    expect((await rig.docker(['system', 'prune', '-af', '--volumes'])).stdout).toBe('Total reclaimed space: 0B\n');
  });

  test('what Stowage does not do is refused at once, by name and with the alternative', async () => {
    const cases: readonly (readonly [readonly string[], number, string])[] = [
      [['run', '--pull=never', 'busybox', 'true'], 125, 'No such image: busybox:latest'],
      [['create', '--pull=never', 'busybox'], 1, 'No such image: busybox:latest'],
      [['start', 'web'], 1, 'No such container: web'],
      [['rm', 'web'], 1, 'No such container: web'],
      [['exec', 'web', 'true'], 1, 'No such container: web'],
      [['logs', 'web'], 1, 'No such container: web'],
      [['commit', 'web', 'x'], 1, 'committing a container to an image is not supported'],
      [['network', 'create', 'net'], 1, 'networks are not supported yet'],
      [['push', 'busybox'], 1, 'pushing images is not supported'],
      [['pull', '-a', 'busybox'], 1, 'pulling all tags of a repository is not supported'],
      [['import', '-', 'x'], 1, 'importing an image from a tar archive is not supported'],
      [['swarm', 'init'], 1, 'This node is not a swarm manager'],
      [['service', 'ls'], 1, 'This node is not a swarm manager'],
      [['node', 'ls'], 1, 'This node is not a swarm manager'],
      [['plugin', 'install', '--grant-all-permissions', 'x/y'], 1, 'plugins are not supported'],
      [['inspect', 'nothing'], 1, 'Error: No such object: nothing'],
    ];
    for (const [args, code, message] of cases) {
      const refused = await rig.docker(args);
      expect({ args, code: refused.code, text: refused.stderr }).toEqual({
        args,
        code,
        text: expect.stringContaining(message),
      });
    }
    expect((await rig.docker(['ps', '-aq'])).stdout).toBe('');
    expect((await rig.docker(['plugin', 'ls', '-q'])).stdout).toBe('');
  });

  test('bad filters and bodies are refused', async () => {
    const bad = await rig.docker(['volume', 'ls', '--filter', 'nope=1']);
    expect(bad.stderr).toBe("Error response from daemon: Invalid filter 'nope'\n");
    const headers = { 'content-type': 'text/plain' };
    const typed = await get('/volumes/create', { method: 'POST', headers, body: '{}' });
    expect(typed.status).toBe(400);
    expect(await typed.json()).toEqual({
      message: "unsupported Content-Type header (text/plain): must be 'application/json'",
    });
    // docker-py sends null for what was not given: the body is read, and only its driver is at fault.
    const nulls = JSON.stringify({ Name: null, Driver: 'nfs', DriverOpts: null, Labels: null });
    const other = await get('/volumes/create', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: nulls,
    });
    expect(other.status).toBe(404);
    const long = await get('/volumes/create', { method: 'POST', body: `"${'x'.repeat(1_100_000)}"` });
    expect(long.status).toBe(400);
  });
});

test('a request to hijack the connection of what is not there is refused, and does not hang', async () => {
  const [name = '', port] = rig.address.split(':');
  const socket = connect(Number(port), name);
  const upgrade = 'Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: 2';
  socket.write(`POST /v1.50/exec/gone/start HTTP/1.1\r\nHost: ${rig.address}\r\n${upgrade}\r\n\r\n{}`);
  const [data] = (await once(socket, 'data')) as [Buffer];
  expect(data.toString()).toMatch(/^HTTP\/1\.1 404 [\s\S]*No such exec instance: gone/);
  socket.destroy();
});

describe('on a plain loopback address', () => {
  test('pages in a browser are kept out', async () => {
    expect((await get('/volumes', { headers: { origin: 'http://evil.test' } })).status).toBe(403);
    expect((await get('/volumes', { headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(403);
    expect(await getAs('evil.test:2375')).toMatch(/^HTTP\/1\.1 403 /);
    for (const own of ['localhost', '127.0.0.1:2375', '[::1]:2375', 'api.moby.localhost'])
      expect(await getAs(own)).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('one that other machines reach is not opened', async () => {
    const { submit, store } = bed;
    const server = createDockerServer({
      ...store,
      submit,
      registry: { login: async () => ({ identityToken: '' }), search: async () => [] },
      logger: createLogger({ name: 'docker', level: 'silent' }),
      version: '0',
      clock: systemClock,
      randomBytes,
      roles: [],
    });
    await expect(server.listen({ host: '0.0.0.0', port: 0 })).rejects.toThrow('without TLS');
  });

  test('each request is one line and continues its trace, and nothing of the query is logged', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const answer = await get('/volumes?filters=%7B%22name%22%3A%5B%22secretish%22%5D%7D', { headers: { traceparent } });
    expect(answer.headers.get('stowage-trace-id')).toBe('0af7651916cd43dd8448eb211c80319c');
    expect(rig.log()).toMatch(
      /"trace_id":"0af7651916cd43dd8448eb211c80319c","method":"GET","path":"\/volumes","status":200/,
    );
    expect(rig.log()).not.toContain('secretish');
  });
});
