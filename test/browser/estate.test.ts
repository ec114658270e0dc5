import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { as, axe, type Console, openConsole, type Person, shoot } from '../harness/browser.ts';
import { type DockerCli, dockerCli } from '../harness/docker-cli.ts';
import { type Product, startProduct } from '../harness/product.ts';
import { answerWith, type Receiver, startReceiver, verify } from '../harness/webhook-receiver.ts';

// The pages of what Stowage keeps, in a real browser on a live lab: volumes, images, containers, hosts and their losses, and those of who
// watches: events, webhooks, keys, the audit log.

let scratch: string;
let product: Product;
let site: Console;
let docker: DockerCli;
let receiver: Receiver;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'stowage-browser-'));
  product = await startProduct(scratch, {
    STOWAGE_WEBHOOK_ALLOW_PRIVATE: '127.0.0.0/8',
    STOWAGE_WEBHOOK_ALLOW_HTTP: 'true',
  });
  site = await openConsole(product);
  docker = dockerCli(product.docker);
  receiver = await startReceiver();
  await run('pull', 'busybox');
  await run('pull', 'base:1');
  await run('pull', 'demo:0.1');
});
afterAll(async () => {
  docker.close();
  await receiver.close();
  await site.close();
  await product.stop();
  await rm(scratch, { recursive: true, force: true });
});

async function run(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await docker(...args);
  expect(stderr + stdout, `docker ${args.join(' ')}`).toSatisfy(() => code === 0);
  return stdout.trim();
}

async function look(page: Person['page'], name: string): Promise<void> {
  expect(await axe(page)).toEqual([]);
  await shoot(page, name);
}

describe('volumes', () => {
  it('one is found, told by its facts and jobs, and removed by who may', async () => {
    await run('volume', 'create', '--label', 'team=a', '-o', 'Capacity=2GB', 'ledger');
    await run('volume', 'create', '-o', 'VolumeStore=nfs', 'shared');
    await as(site.signIn('operator', '/console/volumes'), async ({ page }) => {
      await page.getByRole('link', { name: 'ledger' }).waitFor();
      await look(page, 'volumes');
      await page.getByLabel('Store').selectOption('nfs');
      await expect.poll(() => page.locator('main a.row-link').allTextContents()).toEqual(['shared']);
      await page.getByRole('button', { name: 'Clear' }).click();
      await page.getByRole('link', { name: 'ledger' }).click();
      await page.getByText('team=a').waitFor();
      await page.getByRole('link', { name: /volume\.create/ }).waitFor();
      await page.getByText('No machine holds it').waitFor();
      await look(page, 'volume');
      await page.getByRole('button', { name: 'Attach' }).click();
      await page.getByLabel('machine').fill('lab-vm-1');
      await page.getByRole('button', { name: 'Submit' }).click();
      await page.locator('.page-head').getByText('succeeded').waitFor();
      await page.goto(`${site.url}volumes/ledger`);
      await page.getByRole('button', { name: 'Detach' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Detach' }).click();
      await page.getByText('No machine holds it').waitFor();
      await page.getByRole('button', { name: 'Remove' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
      await page.getByText('there is no volume ledger').waitFor();
      await page.getByRole('link', { name: /volume\.remove/ }).waitFor();
    });
  });

  it('a viewer sees what is to be done, and why it is not for a viewer', async () => {
    await run('volume', 'create', 'guarded');
    await as(site.signIn('viewer', '/console/volumes/guarded'), async ({ page }) => {
      const remove = page.getByRole('button', { name: 'Remove' });
      await remove.waitFor();
      expect(await remove.getAttribute('title')).toBe('Needs the role operator; yours is viewer.');
      await remove.click({ force: true });
      expect(await page.getByRole('dialog').count()).toBe(0);
    });
  });
});

describe('images', () => {
  it('one is told by its layers, and by who else has them', async () => {
    await as(site.signIn('viewer', '/console/images'), async ({ page }) => {
      await page.getByRole('link', { name: /demo:0\.1/ }).waitFor();
      await look(page, 'images');
      await page.getByRole('link', { name: /demo:0\.1/ }).click();
      const layers = page.getByRole('table', { name: 'Layers, lowest first' });
      await layers
        .getByRole('link', { name: /base:1/ })
        .first()
        .waitFor();
      await layers.getByText('nobody').first().waitFor();
      await look(page, 'image');
    });
  });
});

describe('containers and hosts', () => {
  it('a container is stopped and started, and its page goes along', async () => {
    await run('run', '-d', '--name', 'web', '-v', 'web_data:/data', '-e', 'MODE=live', 'busybox', 'sleep', '1d');
    await as(site.signIn('operator', '/console/containers'), async ({ page }) => {
      await page.getByRole('link', { name: /^web/ }).waitFor();
      await look(page, 'containers');
      await page.getByRole('link', { name: /^web/ }).click();
      await page.getByText('MODE=live').waitFor();
      await page.getByRole('link', { name: 'web_data', exact: true }).waitFor();
      await look(page, 'container');
      await page.getByRole('button', { name: 'Stop' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click();
      await page.locator('.page-head').getByText('exited').waitFor();
      await page.getByRole('button', { name: 'Start', exact: true }).click();
      await page.locator('.page-head').getByText('running').waitFor();
    });
  });

  it('the loss of a host is a story: what happened to each container, and when', async () => {
    const host = await hostOf('web');
    await as(site.signIn('operator', `/console/hosts/${host}`), async ({ page }) => {
      await page.getByRole('table', { name: 'Containers' }).getByRole('link', { name: /^web/ }).waitFor();
      await look(page, 'host');
      const failed = await fetch(`${product.lab}hosts/${host}/fail`, {
        method: 'POST',
        body: JSON.stringify({ mode: 'crash' }),
      });
      expect(failed.status).toBeLessThan(300);
      await page.locator('.page-head').getByText('not responding').waitFor();
      await page.getByRole('table', { name: 'Recoveries' }).getByRole('link').first().click();
      await page.getByRole('heading', { name: `Recovery of ${host}` }).waitFor();
      await page.locator('.page-head').getByText('succeeded').waitFor({ timeout: 60_000 });
      const story = page.getByRole('list', { name: 'Recovery of web' });
      await story.getByText('looked at').waitFor();
      await look(page, 'recovery');
      await page.goto(`${site.url}hosts`);
      await page.getByText('not responding').waitFor();
      await look(page, 'hosts');
      await page.getByRole('link', { name: 'Recoveries' }).click();
      await page.getByRole('link', { name: host }).waitFor();
      await look(page, 'recoveries');
    });
  });

  async function hostOf(name: string): Promise<string> {
    const container = (await product.call('GET', `/v1/containers/${name}`)).body as {
      readonly machine: { readonly host: string };
    };
    const host = await product.call('GET', `/v1/hosts/${container.machine.host}`);
    return (host.body as { readonly name: string }).name;
  }
});

describe('who watches', () => {
  it('events go on by themselves, and are chosen by type', async () => {
    await as(site.signIn('viewer', '/console/events'), async ({ page }) => {
      await page.getByRole('table', { name: 'Events' }).waitFor();
      await look(page, 'events');
      await page.getByLabel('Type').selectOption('volume.created');
      await page.getByText('JSON').first().waitFor({ state: 'attached' });
      await run('volume', 'create', 'heard');
      await page.getByRole('link', { name: 'volume:heard' }).waitFor();
    });
  });

  it('a webhook is made with its secret, tested, seen to fail, resent, and removed', async () => {
    await as(site.signIn('admin', '/console/webhooks'), async ({ page }) => {
      await page.getByText('No webhooks yet').waitFor();
      await page.getByRole('button', { name: 'New webhook' }).click();
      await page.getByLabel('URL').fill(`${receiver.url}/hook`);
      await page.getByLabel(/^Events/).fill('volume.nonsense');
      await page.getByRole('button', { name: 'Make the webhook' }).click();
      await page.getByRole('dialog').getByRole('alert').waitFor();
      await page.getByLabel(/^Events/).fill('image.*');
      await look(page, 'webhook-form');
      await page.getByRole('button', { name: 'Make the webhook' }).click();
      const secret = (await page.locator('code.secret').textContent()) ?? '';
      await page.getByRole('button', { name: 'I have kept it' }).click();
      receiver.behave(answerWith(500, {}, 'not today'));
      await page.getByRole('button', { name: 'Send a test' }).click();
      await page.getByRole('row', { name: /webhook\.test.*500/ }).waitFor();
      receiver.behave(answerWith(204));
      await page.getByRole('button', { name: 'Resend' }).click();
      await page.getByRole('row', { name: /webhook\.test.*delivered/ }).waitFor();
      expect(() => verify(secret, receiver.received.at(-1) as never)).not.toThrow();
      await look(page, 'webhook');
      await page.getByRole('button', { name: 'webhook.test' }).click();
      await page.getByText('not today').waitFor();
      await look(page, 'delivery');
      await page.getByRole('button', { name: 'Close', exact: true }).click();
      await page.getByRole('button', { name: 'Rotate the secret' }).click();
      await page.getByRole('button', { name: 'Make it' }).click();
      expect(await page.locator('code.secret').textContent()).not.toBe(secret);
      await page.getByRole('button', { name: 'I have kept it' }).click();
      await page.getByText('The old secret signs until').waitFor();
      await page.goto(`${site.url}webhooks`);
      await look(page, 'webhooks');
      await page.locator('main a.row-link').click();
      await page.getByRole('button', { name: 'Remove' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
      await page.getByText('No webhooks yet').waitFor();
    });
  });

  it('a key is made, shown once, and revoked; the audit log tells of it', async () => {
    await as(site.signIn('admin', '/console/keys'), async ({ page }) => {
      await page.getByRole('button', { name: 'New key' }).click();
      await page.getByLabel(/^Name/).fill('night-shift');
      await page.getByLabel('Role', { exact: true }).selectOption('operator');
      await page.getByRole('button', { name: 'Make the key' }).click();
      const key = (await page.locator('code.secret').textContent()) ?? '';
      await page.getByRole('button', { name: 'I have kept it' }).click();
      const answer = await fetch(`${product.rest}/v1/volumes`, { headers: { authorization: `Bearer ${key}` } });
      expect(answer.status).toBe(200);
      await page.getByText('night-shift').waitFor();
      await look(page, 'keys');
      await page
        .getByRole('row', { name: /night-shift/ })
        .getByRole('button', { name: 'Revoke' })
        .click();
      await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
      await expect.poll(() => page.getByRole('row', { name: /night-shift/ }).count()).toBe(0);
      await page.goto(`${site.url}audit`);
      await page
        .getByRole('row', { name: /revokeKey/ })
        .first()
        .waitFor();
      await look(page, 'audit');
      expect(await page.content()).not.toContain(key);
      await page.getByLabel('Action').fill('createKey');
      await expect.poll(() => page.getByRole('row', { name: /revokeKey/ }).count()).toBe(0);
    });
  });

  it('the keys and the audit log are for admins', async () => {
    await as(site.signIn('operator', '/console/keys'), async ({ page }) => {
      await page.getByText(/this needs the role admin/).waitFor();
      expect(await page.getByRole('link', { name: 'Audit' }).count()).toBe(0);
    });
  });
});
