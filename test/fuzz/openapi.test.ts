import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { type Product, startProduct } from '../harness/product.ts';
import { type Receiver, startReceiver } from '../harness/webhook-receiver.ts';
import { seed } from './seed.ts';

// The API against a fuzzer that knows it from its OpenAPI document. Beside what schemathesis.toml says, FUZZ_SEED has it try other
// requests, FUZZ_CASES more of them for each operation, and FUZZ_REPORT names a file for what schemathesis says.

const ROOT = resolve(import.meta.dirname, '../..');
/** Nothing answers there: no registry beside the lab's is to be asked. */
const NOWHERE = 'http://127.0.0.1:9';

const page = z.object({
  items: z.array(
    z.object({
      id: z.string(),
      kind: z.string(),
      payload: z.unknown(),
      error: z.looseObject({ code: z.string() }).nullable(),
    }),
  ),
  next: z.string().optional(),
});

let directory: string;
let program: string;
let receiver: Receiver;
let product: Product;
beforeAll(async () => {
  program = execFileSync('sh', [join(ROOT, 'scripts/install-fuzzer')], { encoding: 'utf8' }).trim();
  directory = await mkdtemp(join(tmpdir(), 'stowage-fuzz-'));
  receiver = await startReceiver();
  product = await startProduct(join(directory, 'data'), {
    STOWAGE_WEBHOOK_ALLOW_PRIVATE: '127.0.0.0/8',
    STOWAGE_WEBHOOK_ALLOW_HTTP: 'true',
    HTTP_PROXY: NOWHERE,
    HTTPS_PROXY: NOWHERE,
  });
  for (const file of ['schemathesis.toml', 'hooks.py'])
    await copyFile(join(import.meta.dirname, file), join(directory, file));
  await seed(product, directory, receiver.url);
});
afterAll(async () => {
  await product?.stop();
  await receiver?.close();
  await rm(directory, { recursive: true, force: true });
});

test('the fuzzer finds no answer of 500 to 599, and none that the document does not have', {
  timeout: 1_800_000,
}, async () => {
  const { FUZZ_SEED: seedNumber, FUZZ_CASES: cases, FUZZ_REPORT: reportFile } = process.env;
  const args = [
    '--config-file',
    join(directory, 'schemathesis.toml'),
    'run',
    `${product.rest}/openapi.json`,
    '--no-color',
    ...(seedNumber === undefined ? [] : ['--seed', seedNumber]),
    ...(cases === undefined ? [] : ['--max-examples', cases]),
  ];
  const fuzzer = spawn(program, args, {
    cwd: directory,
    env: {
      PATH: process.env['PATH'],
      HOME: directory,
      STOWAGE_FUZZ_KEY: product.key,
      STOWAGE_FUZZ_RECEIVER: receiver.url,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let report = '';
  for (const stream of [fuzzer.stdout, fuzzer.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (report += text));
  const [code] = await once(fuzzer, 'close');
  if (reportFile !== undefined) await writeFile(reportFile, report);
  expect(code, report).toBe(0);
});

test('what the fuzzer submitted failed with reasons that Stowage knows', async () => {
  const unknown: unknown[] = [];
  let cursor: string | undefined;
  do {
    const query = new URLSearchParams({ state: 'dead', limit: '200', ...(cursor === undefined ? {} : { cursor }) });
    const { body } = await product.call('GET', `/v1/jobs?${query.toString()}`);
    const { items, next } = page.parse(body);
    unknown.push(...items.filter(({ error }) => error?.code === 'internal-error'));
    cursor = next;
  } while (cursor !== undefined);
  expect(unknown).toEqual([]);
});
