import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';
import type { Product } from './product.ts';

// A person with a browser in front of the console. What no test should have to look for is collected in `faults`: errors of scripts, what
// the content security policy refused, answers of 500.

const ROOT = resolve(import.meta.dirname, '../..');
const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
/** Names a folder for screenshots; without it none are taken. */
const SHOTS = process.env['SHOTS'];
const AXE = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

/** Runs in the page. */
const RUN_AXE = `Promise.race([
  axe.run().then(({ violations }) => violations.map(({ id, impact, nodes }) =>
    ({ rule: id, impact, where: nodes.slice(0, 3).map(({ html }) => html) }))),
  new Promise((resolve, reject) => setTimeout(() => reject(new Error('axe does not end')), 30000)),
])`;

/** Until what moves has come to rest: not for ever, since an animation that is not drawn does not end. */
const REST = `Promise.race([
  Promise.allSettled(document.getAnimations().map(({ finished }) => finished)),
  new Promise((resolve) => setTimeout(resolve, 1000)),
])`;

const LOOKS = [
  { width: 1440, height: 900, colorScheme: 'light' },
  { width: 1440, height: 900, colorScheme: 'dark' },
  { width: 390, height: 844, colorScheme: 'light' },
  { width: 390, height: 844, colorScheme: 'dark' },
] as const;

export type Role = 'viewer' | 'operator' | 'admin';

export interface Person {
  readonly page: Page;
  readonly faults: readonly string[];
  close(): Promise<void>;
}

export interface Console {
  readonly url: string;
  /** A browser of its own, not signed in. */
  visit(): Promise<Person>;
  /** Signed in by the page itself, with a key of that role, and led back to `path`. */
  signIn(role: Role, path?: string): Promise<Person>;
  makeKey(role: Role): Promise<{ readonly id: string; readonly key: string }>;
  close(): Promise<void>;
}

export async function openConsole(product: Product): Promise<Console> {
  execFileSync('sh', [join(ROOT, 'scripts/build-console')], { stdio: 'inherit' });
  const executablePath = PROGRAMS.find((program) => existsSync(program));
  if (executablePath === undefined) throw new Error(`no browser: none of ${PROGRAMS.join(', ')}`);
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  const url = `${product.rest}/console/`;
  let keys = 0;

  const makeKey: Console['makeKey'] = async (role) => {
    keys += 1;
    const { body } = await product.call('POST', '/v1/keys', { name: `${role}-${keys}`, role });
    return body as { readonly id: string; readonly key: string };
  };

  return {
    url,
    makeKey,
    visit: async () => await newPerson(browser),
    async signIn(role, path = '/console/') {
      const person = await newPerson(browser);
      await person.page.goto(`${product.rest}${path}`);
      await enterKey(person.page, (await makeKey(role)).key);
      await person.page.locator('main#main').waitFor();
      return person;
    },
    async close() {
      await browser.close();
    },
  };
}

/** Somebody does something; what no test looks for must not have happened meanwhile. */
export async function as<T>(person: Promise<Person>, act: (person: Person) => Promise<T>): Promise<T> {
  const one = await person;
  try {
    const result = await act(one);
    expect(one.faults).toEqual([]);
    return result;
  } finally {
    await one.close();
  }
}

export async function enterKey(page: Page, key: string): Promise<void> {
  await page.getByLabel('API key').fill(key);
  await page.getByRole('button', { name: 'Sign in with a key' }).click();
}

async function newPerson(browser: Browser): Promise<Person> {
  const context: BrowserContext = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    // Chromium writes a line about every answer of 400 and above; those are for the pages to handle.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      faults.push(message.text());
  });
  page.on('response', (response) => {
    if (response.status() >= 500) faults.push(`${response.status()} ${response.url()}`);
  });
  return { page, faults, close: async () => await context.close() };
}

interface Violation {
  readonly look: string;
  readonly rule: string;
  readonly impact: string;
  readonly where: readonly string[];
}

/** Colours that are on their way from one theme to the other are nobody's fault: what is found is looked for again. */
async function examine(page: Page): Promise<readonly Omit<Violation, 'look'>[]> {
  for (let tries = 1; ; tries += 1) {
    const all = await page.evaluate<readonly Omit<Violation, 'look'>[]>(RUN_AXE);
    const found = all.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    if (found.length === 0 || tries === 3) return found;
    await page.waitForTimeout(700);
  }
}

/** What axe finds serious or critical, in both themes, wide and narrow: two looks have all four. Also a page that is wider than the screen. */
export async function axe(page: Page): Promise<readonly Violation[]> {
  const found: Violation[] = [];
  await page.evaluate(AXE);
  for (const look of [LOOKS[0], LOOKS[3]]) {
    await wear(page, look);
    for (const each of await examine(page)) found.push({ look: nameOf(look), ...each });
    const tooWide = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
    if (tooWide > 0)
      found.push({ look: nameOf(look), rule: 'too wide', impact: 'serious', where: [`by ${tooWide} px`] });
  }
  await wear(page, LOOKS[0]);
  return found;
}

/** A picture in every look, for people to look at: `SHOTS=/tmp/shots npx vitest run test/browser`. */
export async function shoot(page: Page, name: string): Promise<void> {
  if (SHOTS === undefined) return;
  mkdirSync(SHOTS, { recursive: true });
  for (const look of LOOKS) {
    await wear(page, look);
    await page.screenshot({ path: join(SHOTS, `${name}-${nameOf(look)}.png`), fullPage: true });
  }
  await wear(page, LOOKS[0]);
}

type Look = (typeof LOOKS)[number];

function nameOf({ width, colorScheme }: Look): string {
  return `${width}-${colorScheme}`;
}

async function wear(page: Page, { width, height, colorScheme }: Look): Promise<void> {
  await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
  await page.setViewportSize({ width, height });
  await page.evaluate(REST);
}
