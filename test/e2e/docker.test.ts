import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pushImage } from '../../lab/images/push.ts';
import { imageCacheDir, sampleImage } from '../../lab/images/samples.ts';
import { type LabRegistry, startRegistry } from '../../lab/registry.ts';
import { startTokenServer, type TokenServer } from '../../lab/token-server.ts';
import { systemClock } from '../../platform/clock.ts';
import { type DockerCli, dockerCli, type Ran } from '../harness/docker-cli.ts';
import { type Product, startProduct } from '../harness/product.ts';

// What the reader types, with the real CLI against `npm start`.

const ROOT = resolve(import.meta.dirname, '../..');
const USER = { user: 'anna', password: 'correct horse battery' };
const lines = ({ stdout }: Ran): readonly string[] => stdout.replace(/\n$/, '').split('\n');

describe('the docker CLI against npm start', () => {
  let scratch: string;
  let product: Product;
  let docker: DockerCli;
  const ok = async (...args: readonly string[]): Promise<Ran> => {
    const ran = await docker(...args);
    expect(ran, `docker ${args.join(' ')}`).toMatchObject({ code: 0 });
    return ran;
  };

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'stowage-docker-e2e-'));
    product = await startProduct(join(scratch, 'product'));
    docker = dockerCli(product.docker);
  });
  afterAll(async () => {
    docker?.close();
    await product?.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  it('version and info say who answers, and what there is', async () => {
    expect((await ok('version', '--format', '{{.Server.Platform.Name}} {{.Server.APIVersion}}')).stdout).toBe(
      'Stowage 1.50\n',
    );
    const { stdout } = await ok('info');
    for (const text of ['Storage Driver: vsphere', 'Volume store default: [shared-1] stowage', 'Hosts: 3 of 3 usable'])
      expect(stdout).toContain(text);
  });

  it('volumes: made, made again, listed, looked at, refused, pruned', async () => {
    expect((await ok('volume', 'create', '--name', 'demo_vol')).stdout).toBe('demo_vol\n');
    await ok(
      'volume',
      'create',
      '-d',
      'vsphere',
      '-o',
      'Capacity=10GB',
      '-o',
      'VolumeStore=nfs',
      '--label',
      'team=a',
      'shared',
    );
    expect((await ok('volume', 'create', 'demo_vol')).stdout).toBe('demo_vol\n');
    const other = await docker('volume', 'create', '-o', 'Capacity=5GB', 'demo_vol');
    expect(other.code).toBe(1);
    expect(other.stderr).toMatch(/demo_vol exists with another specification: Capacity is 1.02 GB .* not 5 GB/);
    expect(lines(await ok('volume', 'ls', '--format', '{{.Driver}} {{.Name}}'))).toEqual([
      'vsphere demo_vol',
      'vsphere shared',
    ]);
    expect(lines(await ok('volume', 'ls', '-q', '--filter', 'label=team=a'))).toEqual(['shared']);
    expect((await ok('volume', 'inspect', '-f', '{{.Status.capacity}} {{.Status.store}}', 'shared')).stdout).toBe(
      '10 GB nfs\n',
    );
    const attached = await product.call('POST', '/v1/jobs?wait=30', {
      kind: 'volume.attach',
      payload: { volume: 'demo_vol', machine: 'lab-vm-1' },
    });
    expect(attached.body).toMatchObject({ state: 'succeeded' });
    const used = await docker('volume', 'rm', 'demo_vol');
    expect([used.code, used.stderr]).toEqual([1, expect.stringMatching(/volume is in use - \[.*lab-vm-1/)]);
    expect((await ok('volume', 'prune', '-af')).stdout).toContain('shared');
    expect(lines(await ok('volume', 'ls', '-q'))).toEqual(['demo_vol']);
  });

  it('images: pulled with progress, listed, their history as it was built, named, removed', async () => {
    const pulled = await ok('pull', 'demo:0.1');
    expect(pulled.stdout).toMatch(/^0\.1: Pulling from library\/demo\n/);
    expect(pulled.stdout.match(/Pull complete/g)).toHaveLength(3);
    expect(pulled.stdout).toMatch(
      /Digest: sha256:[0-9a-f]{64}\nStatus: Downloaded newer image for demo:0\.1\ndocker\.io\/library\/demo:0\.1\n$/,
    );
    expect((await ok('pull', 'demo:0.1')).stdout).toContain('Status: Image is up to date for demo:0.1');
    const history = await ok('history', '--no-trunc', '--format', '{{.ID}}|{{.Size}}|{{.CreatedBy}}', 'demo:0.1');
    expect(lines(history)).toEqual([
      expect.stringMatching(/^sha256:[0-9a-f]{64}\|0B\|\/bin\/sh -c #\(nop\) +CMD \["\/bin\/our-application"\]$/),
      '<missing>|29B|/bin/sh -c chmod 755 /bin/our-application',
      expect.stringMatching(/^<missing>\|29B\|\/bin\/sh -c echo /),
      '<missing>|0B|/bin/sh -c #(nop)  CMD ["/bin/sh"]',
      expect.stringMatching(/^<missing>\|1\.\d+MB\|\/bin\/sh -c #\(nop\) ADD file:[0-9a-f]{64} in \/ $/),
    ]);
    const { body } = await product.call('GET', '/v1/layers');
    expect((body as { readonly items: readonly unknown[] }).items).toHaveLength(3);
    await ok('tag', 'demo:0.1', 'mine:1');
    // The CLI shows the names of one image in no order.
    const names = lines(await ok('images', '--format', '{{.Repository}}:{{.Tag}}'));
    expect(names.toSorted()).toEqual(['demo:0.1', 'mine:1']);
    expect((await ok('images', '--digests', '--format', '{{.Digest}}', 'demo')).stdout).toMatch(
      /^sha256:[0-9a-f]{64}\n$/,
    );
    expect((await ok('images', '--tree')).stdout).toContain('demo:0.1');
    expect((await ok('inspect', '-f', '{{json .Config.Cmd}} {{len .RootFS.Layers}}', 'demo:0.1')).stdout).toBe(
      '["/bin/our-application"] 3\n',
    );
    expect((await ok('system', 'df', '--format', '{{.Type}} {{.TotalCount}}')).stdout).toContain('Images 1\n');
    expect((await ok('rmi', 'mine:1')).stdout).toBe('Untagged: mine:1\n');
    expect((await ok('rmi', 'demo:0.1')).stdout.match(/^Deleted: /gm)).toHaveLength(4);
    expect((await product.call('GET', '/v1/layers')).body).toMatchObject({ items: [] });
  });

  it('by digest, then a tag, as content trust does', async () => {
    const digest = /Digest: (sha256:\w+)/.exec((await ok('pull', 'busybox')).stdout)?.[1] ?? '';
    await ok('rmi', '-f', 'busybox');
    expect((await ok('pull', `busybox@${digest}`)).stdout).toContain(`Digest: ${digest}`);
    await ok('tag', `busybox@${digest}`, 'busybox:latest');
    expect((await ok('images', '--format', '{{.Tag}}', 'busybox')).stdout).toBe('latest\n');
    const wrong = await docker('pull', `busybox@sha256:${'0'.repeat(64)}`);
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('manifest unknown')]);
    await ok('rmi', '-f', 'busybox:latest', `busybox@${digest}`);
  });

  it('containers: run with volumes, shown, stopped, started, removed; what they need stays', async () => {
    await ok('pull', 'demo:0.1');
    await ok('volume', 'create', '-o', 'VolumeStore=nfs', 'shared_vol');
    const args = ['-v', 'data_vol:/vol', '-v', 'shared_vol:/nfs', '-v', '/anon'];
    const id = (await ok('run', '-d', '--name', 'demo', ...args, '-p', '8080:80', 'demo:0.1')).stdout.trim();
    expect(
      lines(await ok('ps', '--no-trunc', '--format', '{{.ID}} {{.Image}} {{.Names}} {{.State}} {{.Ports}}')),
    ).toEqual([`${id} demo:0.1 demo running 0.0.0.0:8080->80/tcp`]);
    expect((await ok('inspect', '-f', '{{.Stowage.host}} {{len .Mounts}}', 'demo')).stdout).toMatch(
      /^esx-\d\.lab 3\n$/,
    );
    expect((await docker('rmi', 'demo:0.1')).stderr).toContain('(must force) - container');
    expect((await docker('volume', 'rm', 'data_vol')).stderr).toContain(`remove data_vol: volume is in use - [${id}]`);
    await ok('stop', '-t', '1', 'demo');
    await ok('start', 'demo');
    await ok('rm', '-f', '-v', 'demo');
    expect(lines(await ok('volume', 'ls', '-q'))).toEqual(expect.arrayContaining(['data_vol', 'shared_vol']));
    await ok('volume', 'rm', 'data_vol', 'shared_vol');
    await ok('rmi', 'demo:0.1');
  });

  it('what is not there, or not supported, is said at once, and where to turn', async () => {
    const refused: readonly (readonly [readonly string[], string])[] = [
      [['pull', 'busybox:nope'], 'manifest for busybox:nope not found'],
      [['pull', 'ghost.invalid/app'], 'ghost.invalid'],
      [['pull', 'BusyBox'], 'must be lowercase'],
      [['run', '-d', '-v', '/host:/x', 'busybox'], 'directories of a host cannot be mounted'],
      [['swarm', 'init'], 'not a swarm manager'],
      [['inspect', 'nosuch'], 'No such object: nosuch'],
      [['volume', 'create', '-o', 'size=10XB', 'bad_vol'], 'size'],
      [['volume', 'rm', 'nosuch'], 'no such volume'],
    ];
    for (const [args, text] of refused) {
      const ran = await docker(...args);
      expect(ran.code, args.join(' ')).toBeGreaterThan(0);
      expect(ran.stderr, args.join(' ')).toContain(text);
    }
  });

  it('events tell of volumes and images', async () => {
    const since = String(Math.floor(Date.now() / 1_000) - 1);
    await ok('volume', 'create', 'told');
    await ok('pull', 'busybox');
    await ok('volume', 'rm', 'told');
    await ok('rmi', 'busybox');
    const until = String(Math.ceil(Date.now() / 1_000) + 1);
    const told = lines(await ok('events', '--since', since, '--until', until, '--format', '{{.Type}} {{.Action}}'));
    for (const event of ['volume create', 'image pull', 'volume destroy', 'image untag', 'image delete'])
      expect(told).toContain(event);
  });

  describe('with registries that ask who one is', () => {
    let basic: LabRegistry;
    let token: LabRegistry;
    let tokens: TokenServer;
    beforeAll(async () => {
      const logger = pino({ level: 'silent' });
      tokens = await startTokenServer({
        dir: join(scratch, 'tokens'),
        users: [{ name: USER.user, password: USER.password }],
        clock: systemClock,
      });
      [basic, token] = await Promise.all([
        startRegistry({ dir: join(scratch, 'basic'), logger, auth: { mode: 'htpasswd', users: [USER] } }),
        startRegistry({ dir: join(scratch, 'token'), logger, auth: { mode: 'token', server: tokens } }),
      ]);
      const { image } = await sampleImage('base', { cacheDir: imageCacheDir(ROOT) });
      for (const registry of [basic, token])
        await pushImage({ registryUrl: registry.url, name: 'private/base', tag: '1', image, auth: USER });
    });
    afterAll(async () => {
      await Promise.all([basic?.stop(), token?.stop(), tokens?.close()]);
    });

    it.each([['basic'], ['token']] as const)('%s: denied without, pulled after docker login', async (mode) => {
      const { host } = mode === 'basic' ? basic : token;
      const name = `${host}/private/base:1`;
      const denied = await docker('pull', name);
      expect([denied.code, denied.stderr]).toEqual([
        1,
        expect.stringMatching(/pull access denied|denied|unauthorized/),
      ]);
      const login = (password: string): Promise<Ran> =>
        docker.with({ input: password })('login', '-u', USER.user, '--password-stdin', host);
      expect((await login('wrong')).code).toBe(1);
      expect(await login(USER.password)).toMatchObject({ code: 0, stdout: expect.stringContaining('Login Succeeded') });
      expect((await ok('pull', name)).stdout).toContain(`Status: Downloaded newer image for ${name}`);
      await ok('rmi', name);
      const jobs = JSON.stringify((await product.call('GET', '/v1/jobs?kind=image.pull&limit=200')).body);
      expect(jobs).not.toContain('horse');
    });
  });
});
