import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cli, stowageCli } from '../harness/cli.ts';
import { type Product, startProduct } from '../harness/product.ts';
import { openTerminal } from '../harness/terminal.ts';

// The real command on the whole product with its lab.

interface Check {
  readonly name: string;
  readonly state: string;
  readonly message: string;
  readonly advice?: string;
}

describe('stowage, on the product', () => {
  let dir: string;
  let product: Product;
  let cli: Cli;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'stowage-cli-'));
    product = await startProduct(dir);
    cli = stowageCli({ STOWAGE_URL: product.rest, STOWAGE_API_KEY: product.key, DOCKER_HOST: product.docker });
  });
  afterAll(async () => {
    cli.close();
    await product.stop();
    await rm(dir, { recursive: true, force: true });
  });

  const lab = async (method: string, path: string, body?: object): Promise<void> => {
    const response = await fetch(`${product.lab}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${path}: HTTP ${response.status} ${await response.text()}`);
  };
  const doctor = async (): Promise<{ readonly code: number; readonly found: (name: string) => Check | undefined }> => {
    const ran = await cli('doctor', '--json');
    const checks = ran.json()['checks'] as Check[];
    return { code: ran.code, found: (name) => checks.find((each) => each.name === name) };
  };

  it('doctor finds nothing failed on a lab, from the address to the registries', async () => {
    const { code, found } = await doctor();
    const names = ['api', 'api.key', 'docker', 'ready.worker', 'vcenter.login', 'vcenter.clock', 'vcenter.privileges'];
    const more = ['containers.place', 'store.default', 'images.store', 'redis.eviction', 'redis.persistence'];
    expect([...names, ...more].map((name) => [name, found(name)?.state])).toEqual(
      [...names, ...more].map((name) => [name, 'ok']),
    );
    expect(code).toBe(0);
  });

  it('a privilege that is missing is found before a job fails for it, with what to do; and exit 1', async () => {
    await lab('POST', 'privileges', { privilege: 'VirtualMachine.Config.AddExistingDisk' });
    const ran = await cli('doctor');
    await lab('DELETE', 'privileges');
    expect(ran.code).toBe(1);
    expect(ran.out).toMatch(/✗ vcenter\.privileges .*VirtualMachine\.Config\.AddExistingDisk on /);
    expect(ran.out).toMatch(/→ Add to the role of the account: .*Add existing disk.*vcenter-role\.md/);
    expect(ran.out).toMatch(/\d+ of \d+ checks are well, 1 failed/);
  });

  it('a viewer is told what was not looked at', async () => {
    const key = (await cli('key', 'create', 'looker', '--role', 'viewer', '--quiet')).out.trim();
    const ran = await cli.with({ env: { STOWAGE_API_KEY: key } })('doctor', '--json');
    const checks = ran.json()['checks'] as Check[];
    expect(checks.find(({ name }) => name === 'job')).toMatchObject({ state: 'skipped' });
    expect(ran.code).toBe(0);
  });

  it('on a terminal a bar shows how far it is, for how long, and how long still', async () => {
    await lab('POST', 'task-latency', { method: 'CreateVirtualDisk_Task', ms: 6_000 });
    const env = { STOWAGE_URL: product.rest, STOWAGE_API_KEY: product.key, HOME: cli.home };
    const terminal = await openTerminal(
      [join(import.meta.dirname, '../../bin/stowage'), 'volume', 'create', 'seen'],
      env,
    );
    await terminal.until(/volume\.create of volume:seen {2}disk .*█+░+ \d+ % .*\d s, about \d+ s left/);
    await terminal.until(/volume\.create of volume:seen: done after \d/);
    expect(await terminal.exited).toBe(0);
    await lab('DELETE', 'task-latency');
  });

  it('a volume lives its life', async () => {
    expect(
      (await cli('volume', 'create', 'lived', '--capacity', '1GB', '--label', 'a=b', '--json')).json(),
    ).toMatchObject({
      state: 'succeeded',
    });
    expect((await cli('volume', 'attach', 'lived', 'lab-vm-1')).code).toBe(0);
    const held = await cli('volume', 'remove', 'lived');
    expect(held).toMatchObject({ code: 1 });
    expect(held.err).toMatch(/it is in use by lab-vm-1/);
    expect((await cli('dead', 'groups')).out).toContain('volume-in-use');
    expect((await cli('volume', 'detach', 'lived')).code).toBe(0);
    const dry = (await cli('dead', 'redrive', '--code', 'volume-in-use', '--dry-run', '--json')).json();
    expect(dry).toMatchObject({ matched: 1, byKind: [{ kind: 'volume.remove', count: 1 }] });
    expect((await cli('dead', 'redrive', '--code', 'volume-in-use', '--rate', '50')).out).toMatch(/redriven: +1/);
    await expect.poll(async () => (await cli('volume', 'show', 'lived')).code).toBe(4);
    expect((await cli('overview')).out).toMatch(/Jobs {2}.*succeeded/);
  });
});
