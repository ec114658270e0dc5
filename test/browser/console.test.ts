import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { as, axe, type Console, enterKey, openConsole, shoot } from '../harness/browser.ts';
import { startOidcProvider, type TestProvider } from '../harness/oidc.ts';
import { type Product, startProduct } from '../harness/product.ts';

// The console in a real browser, against the product as `npm start` runs it: sign-in, jobs, dead letters, roles, keys. Every page is
// examined by axe in both themes, wide and narrow.

interface Job {
  readonly id: string;
  readonly state: string;
}

const AT_ONCE = 50;

let scratch: string;
let product: Product;
let site: Console;
let provider: TestProvider;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'stowage-browser-'));
  const listen = `127.0.0.1:${await freePort()}`;
  provider = await startOidcProvider([`http://${listen}/auth/oidc/callback`]);
  product = await startProduct(scratch, {
    STOWAGE_REST_LISTEN: listen,
    STOWAGE_PUBLIC_URL: `http://${listen}`,
    STOWAGE_OIDC_ISSUER: provider.issuer,
    STOWAGE_OIDC_CLIENT_ID: provider.clientId,
    STOWAGE_OIDC_CLIENT_SECRET: provider.clientSecret,
    STOWAGE_OIDC_NAME: 'Example Login',
    STOWAGE_OIDC_OPERATORS: 'ops',
  });
  site = await openConsole(product);
});
afterAll(async () => {
  await site.close();
  await product.stop();
  await provider.close();
  await rm(scratch, { recursive: true, force: true });
});

/** The provider has to know where the product will be. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function submit(kind: string, payload: object): Promise<Job> {
  const { body } = await product.call('POST', '/v1/jobs?wait=30', { kind, payload });
  return body as Job;
}

/** Jobs that die at once: volumes that are not there. */
async function die(count: number, name: string): Promise<readonly Job[]> {
  const dead: Job[] = [];
  while (dead.length < count) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - dead.length) }, (_, at) =>
      submit('volume.attach', { volume: `${name}_${dead.length + at}`, machine: 'lab-vm-1' }),
    );
    dead.push(...(await Promise.all(some)));
  }
  return dead;
}

describe('signing in', () => {
  it('stands in the place of the page that was wanted, refuses a wrong key, and leads back', async () => {
    await as(site.visit(), async ({ page }) => {
      await page.goto(`${site.url}jobs?state=dead`);
      await page.getByRole('heading', { name: 'Sign in to Stowage' }).waitFor();
      expect(await axe(page)).toEqual([]);
      await shoot(page, 'sign-in');
      await enterKey(page, 'not-a-key-of-anybody');
      await page.getByText('This key is unknown, or was revoked.').waitFor();
      await enterKey(page, (await site.makeKey('viewer')).key);
      await page.getByRole('heading', { name: 'Jobs', exact: true }).waitFor();
      expect(new URL(page.url()).search).toBe('?state=dead');
      await page.reload();
      await page.getByRole('heading', { name: 'Jobs', exact: true }).waitFor();
    });
  });

  it('by the provider, which leads back to the page that was wanted', async () => {
    provider.person = { sub: '4711', preferred_username: 'kim', groups: ['ops'] };
    await as(site.visit(), async ({ page }) => {
      await page.goto(`${site.url}jobs?kind=volume.create`);
      await page.getByRole('button', { name: 'Sign in with Example Login' }).click();
      await page.getByRole('heading', { name: 'Jobs', exact: true }).waitFor();
      expect(new URL(page.url()).search).toBe('?kind=volume.create');
      await page.locator('.session-menu summary').click();
      await page.getByText('Role: operator').waitFor();
    });
  });

  it('a key that is revoked ends its session, and the page says so', async () => {
    const { id, key } = await site.makeKey('viewer');
    await as(site.visit(), async ({ page }) => {
      await page.goto(site.url);
      await enterKey(page, key);
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
      await product.call('DELETE', `/v1/keys/${id}`);
      await page.getByRole('link', { name: 'Jobs', exact: true }).click();
      await page.getByText('Your session is over.').waitFor();
    });
  });

  it('another tab signs in anew, and this one goes on with the new session', async () => {
    await as(site.signIn('operator', '/console/jobs/new?kind=volume.create&name=two_tabs'), async ({ page }) => {
      await page.getByLabel('name (needed)').waitFor();
      const other = await page.context().newPage();
      await other.goto(site.url);
      const { key } = await site.makeKey('operator');
      const answer = await other.evaluate<number, string>(
        (text) =>
          fetch('/v1/session', {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ key: text }),
          }).then(({ status }) => status),
        key,
      );
      expect(answer).toBe(200);
      await page.getByRole('button', { name: 'Submit' }).click();
      await page.getByRole('heading', { name: 'volume.create' }).waitFor();
    });
  });

  it('signing out ends the session in this browser', async () => {
    await as(site.signIn('viewer'), async ({ page }) => {
      await page.locator('.session-menu summary').click();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('heading', { name: 'Sign in to Stowage' }).waitFor();
      await page.reload();
      await page.getByRole('heading', { name: 'Sign in to Stowage' }).waitFor();
    });
  });
});

describe('jobs', () => {
  it('one is submitted by its form, and its page follows it to its end', async () => {
    await as(site.signIn('operator', '/console/jobs/new'), async ({ page }) => {
      await page.getByLabel('Kind', { exact: true }).selectOption('volume.create');
      await page.getByRole('button', { name: 'Submit' }).click();
      await page.getByText('is needed').waitFor();
      expect(await axe(page)).toEqual([]);
      await page.getByLabel('name (needed)').fill('by_form');
      await page.getByLabel('options.Capacity').fill('10XB');
      await page.getByRole('button', { name: 'Submit' }).click();
      await page.getByRole('alert').getByText('is not a size').first().waitFor();
      await page.getByLabel('options.Capacity').fill('1GB');
      await page.getByRole('button', { name: 'Submit' }).click();
      await page.getByRole('heading', { name: 'volume.create' }).waitFor();
      await page.locator('.page-head').getByText('succeeded').waitFor();
      await page
        .getByRole('row', { name: /CreateVirtualDisk_Task/ })
        .first()
        .waitFor();
      expect(await axe(page)).toEqual([]);
      await shoot(page, 'job');
    });
  });

  it('the list is live, and its filters are in its address', async () => {
    await as(site.signIn('viewer', '/console/jobs'), async ({ page }) => {
      await page.getByText('Live', { exact: true }).waitFor();
      const job = await submit('volume.create', { name: 'seen_live' });
      await page.locator(`a.row-link[href$="${job.id}"]`).waitFor();
      await page.getByLabel('Resource').fill('volume:seen_live');
      await page.waitForURL(/resource=volume%3Aseen_live/);
      await expect.poll(() => page.locator('main a.row-link').count()).toBe(1);
      expect(await axe(page)).toEqual([]);
      await shoot(page, 'jobs');
      await page.getByRole('link', { name: 'Dead', exact: true }).click();
      await page.getByText('No job matches').waitFor();
    });
  });

  it('a dead letter tells why and what to do, and is edited and redriven', async () => {
    await submit('volume.create', { name: 'there' });
    const dead = await submit('volume.attach', { volume: 'there', machine: 'nobody' });
    expect(dead.state).toBe('dead');
    await as(site.signIn('operator', `/console/jobs/${dead.id}`), async ({ page }) => {
      await page.getByText('It failed for good').waitFor();
      await page.getByText('Name a virtual machine by its inventory name').waitFor();
      expect(await axe(page)).toEqual([]);
      await shoot(page, 'dead-letter');
      await page.getByRole('button', { name: 'Edit and redrive' }).click();
      await page.getByLabel('Payload (JSON)').fill('{"volume": "there", "machine": ""}');
      await page.getByRole('button', { name: 'Redrive with this payload' }).click();
      await page.getByRole('button', { name: 'Show /payload/machine' }).waitFor();
      expect(await axe(page)).toEqual([]);
      await page.getByLabel('Payload (JSON)').fill('{"volume": "there", "machine": "lab-vm-1"}');
      await page.getByRole('button', { name: 'Redrive with this payload' }).click();
      await page.getByText('Edited redrive of').waitFor();
      await page.locator('.page-head').getByText('succeeded').waitFor();
    });
    expect((await product.call('GET', `/v1/jobs/${dead.id}`)).body).toMatchObject({ state: 'failed' });
  });
});

describe('dead letters', () => {
  it('what fails by a fault of vCenter is found among them, and redriven when that is mended', async () => {
    const fault = { method: 'CreateVirtualDisk_Task', fault: 'NoPermission', count: 1, match: 'not_allowed' };
    const injected = await fetch(`${product.lab}faults`, { method: 'POST', body: JSON.stringify(fault) });
    expect(injected.ok).toBe(true);
    await as(site.signIn('operator', '/console/jobs/new?kind=volume.create&name=not_allowed'), async ({ page }) => {
      await page.getByRole('button', { name: 'Submit' }).click();
      await page.locator('.page-head').getByText('dead').waitFor();
      await page.getByText('It failed for good').waitFor();
      await page.goto(`${site.url}dead-letters`);
      const group = page.getByRole('row', { name: /vcenter-no-permission/ });
      await group.getByRole('link', { name: 'the newest' }).click();
      await page.getByRole('heading', { name: 'volume.create' }).waitFor();
      await page.getByRole('button', { name: 'Redrive', exact: true }).click();
      await page.locator('.page-head').getByText('succeeded').waitFor();
    });
  });

  it('many are redriven at a steady rate, stopped half-way, and the rest is given up with a reason', async () => {
    await die(500, 'gone');
    await as(site.signIn('operator', '/console/dead-letters'), async ({ page }) => {
      const group = page.getByRole('row', { name: /volume-not-found/ });
      await group.getByRole('checkbox').check();
      await page.getByText('1 of 1 groups chosen, 500 dead letters').waitFor();
      expect(await axe(page)).toEqual([]);
      await shoot(page, 'dead-letters');
      await page.getByRole('button', { name: 'Redrive the chosen…' }).click();
      await page.getByLabel('Stop when so many are dead again').fill('10000');
      expect(await axe(page)).toEqual([]);
      await page.getByRole('button', { name: 'Redrive 500' }).click();
      const redriven = async (): Promise<number> => {
        const words = await page.locator('.run .words').first().textContent();
        return Number(/(\d+) of 500/.exec(words ?? '')?.[1] ?? 0);
      };
      await expect.poll(redriven).toBeGreaterThan(100);
      await page.getByRole('button', { name: 'Stop', exact: true }).click();
      await page.locator('.run').getByText('cancelled').waitFor();
      expect(await redriven()).toBeLessThan(400);

      await page.getByRole('button', { name: 'Discard all that match…' }).click();
      await page.getByLabel('Why? (kept with each job)').fill('the volumes are gone');
      await page.getByRole('button', { name: /^Discard \d+$/ }).click();
      await page.getByText('No dead letters').waitFor();
      await page.locator('.run').getByText('succeeded').waitFor();
    });
    const { body } = await product.call('GET', '/v1/jobs?state=failed&limit=1');
    expect(body).toMatchObject({ items: [{ discardReason: 'the volumes are gone' }] });
  });

  it('a viewer sees them, and is told which role it takes', async () => {
    const [dead] = await die(1, 'alone');
    await as(site.signIn('viewer', '/console/dead-letters'), async ({ page }) => {
      const redrive = page.getByRole('button', { name: 'Redrive all that match…' });
      expect(await redrive.getAttribute('aria-disabled')).toBe('true');
      expect(await redrive.getAttribute('title')).toBe('Needs the role operator; yours is viewer.');
      await page.goto(`${site.url}jobs/${dead?.id}`);
      expect(await page.getByRole('button', { name: 'Discard' }).getAttribute('aria-disabled')).toBe('true');
      await expect.poll(() => page.getByRole('link', { name: 'Audit' }).count()).toBe(0);
    });
  });
});

describe('the shell', () => {
  it('the overview shows the queue, hosts and stores', async () => {
    await as(site.signIn('viewer'), async ({ page }) => {
      await page.getByRole('link', { name: 'esx-1.lab' }).waitFor();
      await page.getByRole('region', { name: 'Volume stores' }).getByRole('link', { name: 'default' }).waitFor();
      expect(await axe(page)).toEqual([]);
      await shoot(page, 'overview');
    });
  });

  it('is small: what is loaded before any page stays under 40 KB', async () => {
    await as(site.visit(), async ({ page }) => {
      const urls: string[] = [];
      page.on('response', (response) => {
        if (/\.(js|css)$/.test(new URL(response.url()).pathname)) urls.push(response.url());
      });
      await page.goto(site.url);
      await page.getByRole('heading', { name: 'Sign in to Stowage' }).waitFor();
      const bytes = await Promise.all(urls.map(async (url) => gzipSync(await (await fetch(url)).bytes()).length));
      expect(bytes.reduce((sum, each) => sum + each, 0)).toBeLessThan(40_000);
    });
  });

  it('is worked by keys: places, rows, search, help', async () => {
    const job = await submit('volume.create', { name: 'by_keys' });
    await as(site.signIn('admin'), async ({ page }) => {
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
      await page.keyboard.press('?');
      await page.getByRole('dialog', { name: 'Keys' }).waitFor();
      expect(await axe(page)).toEqual([]);
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await page.keyboard.press('g');
      await page.keyboard.press('j');
      await page.getByRole('heading', { name: 'Jobs', exact: true }).waitFor();
      await page.locator('main a.row-link').first().waitFor();
      await page.keyboard.press('j');
      await page.keyboard.press('Enter');
      await page.getByText('Where the time went').waitFor();
      await page.keyboard.press('/');
      await page.keyboard.type('dead');
      await page.getByRole('option', { name: 'Page Dead letters' }).waitFor();
      expect(await axe(page)).toEqual([]);
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Dead letters' }).waitFor();
      await page.keyboard.press('/');
      await page.keyboard.type(job.id);
      await page.keyboard.press('Enter');
      await page.waitForURL(new RegExp(`/jobs/${job.id}$`));
      await page.getByRole('region', { name: 'Payload' }).getByText('by_keys').waitFor();
    });
  });

  it('on a narrow screen the places are behind a button, and the focus comes into them', async () => {
    await as(site.signIn('viewer'), async ({ page }) => {
      await page.setViewportSize({ width: 390, height: 844 });
      await expect.poll(() => page.getByRole('link', { name: 'Jobs', exact: true }).count()).toBe(0);
      await page.getByRole('button', { name: 'Menu' }).click();
      await page.getByRole('link', { name: 'Jobs', exact: true }).click();
      await page.getByRole('heading', { name: 'Jobs', exact: true }).waitFor();
      await expect.poll(() => page.getByRole('link', { name: 'Overview', exact: true }).count()).toBe(0);
    });
  });

  it('in a storm of events, what is shown is read again once a second, not once an event', async () => {
    await as(site.signIn('viewer', '/console/jobs'), async ({ page }) => {
      await page.getByText('Live', { exact: true }).waitFor();
      const beganAtMs = performance.now();
      let lists = 0;
      page.on('request', (request) => {
        if (request.url().includes('/v1/jobs?')) lists += 1;
      });
      const [last] = (await die(300, 'storm')).slice(-1);
      await page.locator(`a.row-link[href$="${last?.id}"]`).waitFor();
      expect(lists).toBeLessThanOrEqual((performance.now() - beganAtMs) / 1_000 + 2);
    });
  });

  it('says when it is not live, keeps what it shows, and catches up', async () => {
    await as(site.signIn('viewer', '/console/jobs'), async ({ page }) => {
      await page.getByText('Live', { exact: true }).waitFor();
      await page.locator('main a.row-link').first().waitFor();
      await page.context().setOffline(true);
      const job = await submit('volume.create', { name: 'meanwhile' });
      await page.getByText('Not live: trying again').waitFor();
      expect(await page.locator('main a.row-link').count()).toBeGreaterThan(0);
      await page.context().setOffline(false);
      await page.getByText('Live', { exact: true }).waitFor();
      await page.locator(`a.row-link[href$="${job.id}"]`).waitFor();
    });
  });

  it('a theme that was chosen stays, whatever the system has', async () => {
    await as(site.signIn('viewer'), async ({ page }) => {
      const colour = (): Promise<string> =>
        page.evaluate<string>('getComputedStyle(document.documentElement).backgroundColor');
      const light = await colour();
      await page.getByRole('button', { name: /^Theme/ }).click();
      await page.getByRole('button', { name: /^Theme: light/ }).click();
      await page.getByRole('button', { name: /^Theme: dark/ }).waitFor();
      const dark = await colour();
      expect(dark).not.toBe(light);
      await page.reload();
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
      expect(await colour()).toBe(dark);
    });
  });
});
