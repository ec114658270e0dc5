import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { claimPort } from '../../lab/ports.ts';
import { type Console, enterKey, openConsole, type Person, shoot } from '../harness/browser.ts';
import { startOidcProvider, type TestProvider } from '../harness/oidc.ts';
import { type Product, startProduct } from '../harness/product.ts';

// What only a browser can tell of sessions: which cookies it sends where, and what it lets a page of another site do. The provider is at
// 127.0.0.1 and Stowage at localhost, which are two sites.

let scratch: string;
let provider: TestProvider;
let product: Product;
let site: Console;
let home: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'stowage-sign-in-'));
  const { port } = await claimPort({ host: '127.0.0.1', port: 0 }, 'STOWAGE_REST_LISTEN');
  home = `http://localhost:${port}`;
  provider = await startOidcProvider([`${home}/auth/oidc/callback`]);
  product = await startProduct(scratch, {
    STOWAGE_REST_LISTEN: `127.0.0.1:${port}`,
    STOWAGE_PUBLIC_URL: home,
    STOWAGE_OIDC_ISSUER: provider.issuer,
    STOWAGE_OIDC_CLIENT_ID: provider.clientId,
    STOWAGE_OIDC_CLIENT_SECRET: provider.clientSecret,
    STOWAGE_OIDC_NAME: 'Example Login',
    STOWAGE_OIDC_OPERATORS: 'ops',
    STOWAGE_QUEUES_WRITABLE: 'on',
  });
  site = await openConsole(product);
});
afterAll(async () => {
  await site.close();
  await product.stop();
  await provider.close();
  await rm(scratch, { recursive: true, force: true });
});

/** A new browser that shows this page; nothing may have gone wrong in it by the end. */
async function at(path: string, act: (person: Person) => Promise<void>): Promise<void> {
  const person = await site.visit();
  try {
    await person.page.goto(`${home}${path}`);
    await act(person);
    expect(person.faults).toEqual([]);
  } finally {
    await person.close();
  }
}

async function enter({ page }: Person): Promise<void> {
  await enterKey(page, product.key);
  await page.locator('main#main').waitFor();
}

it('a person comes back from the provider signed in, at the page that was wanted', async () => {
  provider.person = { sub: '1', preferred_username: 'alice', groups: ['ops'] };
  await at('/console/jobs', async ({ page }) => {
    await page.getByRole('button', { name: 'Sign in with Example Login' }).click();
    await page.locator('main#main').waitFor();
    const session = await page.evaluate(async () => await (await fetch('/v1/session')).json());
    expect(session).toMatchObject({ actor: 'oidc:alice', role: 'operator' });
    expect(await page.evaluate('document.cookie')).toBe('');
    expect(new URL(page.url()).pathname).toBe('/console/jobs');
  });
});

it('who has no group of ours is told so, and led back', async () => {
  provider.person = { sub: '2', preferred_username: 'mallory', groups: ['staff'] };
  await at('/console/', async ({ page }) => {
    await page.getByRole('button', { name: 'Sign in with Example Login' }).click();
    await page.getByRole('heading', { name: 'The sign-in failed' }).waitFor();
    await page.getByText('There is no role here for mallory.').waitFor();
    await shoot(page, 'sign-in-failed');
    await page.getByRole('link', { name: 'Back to the sign-in' }).click();
    await page.getByRole('heading', { name: 'Sign in to Stowage' }).waitFor();
  });
});

it('the documentation tries requests on in the session, and with a key', async () => {
  await at('/console/', async (person) => {
    const { page } = person;
    await enter(person);
    await page.goto(`${home}/docs/`);
    await page.getByText('Signed in as key:preset (admin).').waitFor();
    await shoot(page, 'docs');
    expect(await tryOut(person, 'jobs', 'submitJob', '{"kind":"reconcile.run","payload":{}}')).toBe(202);
    await page.context().clearCookies();
    await page.reload();
    expect(await tryOut(person, 'keys', 'listKeys')).toBe(401);
    await page.locator('.btn.authorize').click();
    await page.locator('.auth-container input').first().fill(product.key);
    await page.locator('.auth-btn-wrapper .authorize').first().click();
    await page.locator('.btn-done').first().click();
    await page.locator('#operations-keys-listKeys .execute').click();
    await page.getByText('"createdBy"').or(page.getByText('"items"')).first().waitFor();
  });
});

/** The status of the answer. */
async function tryOut({ page }: Person, tag: string, operation: string, body?: string): Promise<number> {
  const block = page.locator(`#operations-${tag}-${operation}`);
  await page.locator(`#operations-tag-${tag}`).click();
  await block.locator('.opblock-summary-control').click();
  await block.locator('.try-out__btn').click();
  if (body !== undefined) await block.locator('textarea').fill(body);
  await block.locator('.execute').click();
  const status = block.locator('.live-responses-table tbody .response-col_status').first();
  return Number.parseInt((await status.textContent()) ?? '', 10);
}

it('an admin looks into the raw queues, and may pause one where that is switched on', async () => {
  await at('/queues/', async (person) => {
    const { page } = person;
    await page.getByRole('heading', { name: 'Sign in to Stowage' }).waitFor();
    await enter(person);
    await page.goto(`${home}/queues/queue/default`);
    await page.getByText('Stowage: queues').first().waitFor();
    await shoot(page, 'queues');
    expect(await change(page, 'pause')).toBe(200);
    expect(await pausedQueues(page)).toEqual(['default']);
    expect(await change(page, 'resume')).toBe(200);
  });
});

async function change(page: Person['page'], what: 'pause' | 'resume'): Promise<number> {
  return await page.evaluate(async (to) => {
    const answer = await fetch(`/queues/api/queues/default/${to}`, { method: 'PUT' });
    return answer.status;
  }, what);
}

it('a page of another site can do nothing in the name of who is signed in, nor read anything', async () => {
  await at('/console/', async (person) => {
    const { page } = person;
    await enter(person);
    const before = await submitted();
    const foreign = await page.context().newPage();
    await foreign.goto(`${provider.issuer}/.well-known/openid-configuration`);
    const outcomes = await foreign.evaluate(async (to) => {
      const attempt = async (path: string, options: RequestInit): Promise<string> => {
        try {
          return (await fetch(`${to}${path}`, { credentials: 'include', ...options })).type;
        } catch {
          return 'refused';
        }
      };
      const body = '{"kind":"reconcile.run","payload":{}}';
      return [
        await attempt('/v1/session', {}),
        await attempt('/v1/session', { mode: 'no-cors' }),
        await attempt('/v1/jobs', { method: 'POST', mode: 'no-cors', body }),
        await attempt('/queues/api/queues/default/pause', { method: 'PUT' }),
      ];
    }, home);
    expect(outcomes).toEqual(['refused', 'refused', 'refused', 'refused']);
    expect(await submitted()).toEqual(before);
    expect(await pausedQueues(page)).toEqual([]);
    expect(await statusOf(page, '/v1/session')).toBe(200);
  });
});

/** Of jobs that the preset key, or a session with it, submitted. */
async function submitted(): Promise<unknown> {
  return (await product.call('GET', '/v1/jobs?actor=key:preset&kind=reconcile.run')).body;
}

async function statusOf(page: Person['page'], path: string): Promise<number> {
  return await page.evaluate(async (where) => (await fetch(where)).status, path);
}

async function pausedQueues(page: Person['page']): Promise<readonly string[]> {
  const body = await page.evaluate(async () => await (await fetch('/queues/api/queues')).json());
  const { queues } = body as { readonly queues: readonly { readonly name: string; readonly isPaused: boolean }[] };
  return queues.filter(({ isPaused }) => isPaused).map(({ name }) => name);
}
