import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Product } from '../harness/product.ts';

// What the fuzzer finds there: without it nearly every path would lead to nothing. The names of what there is go into dictionaries
// (schemathesis.toml says where they are used), several of each, because the fuzzer removes what it comes by.

const IMAGE = 'busybox:latest';
const VOLUMES = ['fuzz_vol', 'fuzz_vol-2', 'fuzz_vol-3', 'fuzz_vol-4'];
const CONTAINERS = ['fuzz-1', 'fuzz-2', 'fuzz-3', 'fuzz-4'];
/** A volume that is not there: expanding it ends as a dead letter. */
const NO_VOLUMES = ['no_vol-1', 'no_vol-2', 'no_vol-3'];

const job = z.object({ id: z.string(), state: z.string(), result: z.record(z.string(), z.unknown()).nullable() });
const named = z.object({ id: z.string() });

/**
 * Makes some of everything, and writes a dictionary for each noun into `directory`.
 *
 * @param receiver where events of its webhooks are sent
 */
export async function seed({ call }: Product, directory: string, receiver: string): Promise<void> {
  const run = async (kind: string, payload: object): Promise<z.infer<typeof job>> =>
    job.parse((await call('POST', '/v1/jobs?wait=60', { kind, payload })).body);
  const make = async (path: string, body: object): Promise<string> =>
    named.parse((await call('POST', path, body)).body).id;

  const [pulled, ...volumes] = await Promise.all([
    run('image.pull', { reference: IMAGE }),
    ...VOLUMES.map((name) => run('volume.create', { name, options: { Capacity: '10MB' } })),
  ]);
  const containers = await Promise.all(
    CONTAINERS.map((name, at) =>
      run('container.create', { image: IMAGE, name, mounts: [{ volume: VOLUMES[at], destination: '/data' }] }),
    ),
  );
  const dead = await Promise.all(NO_VOLUMES.map((name) => run('volume.expand', { name, capacity: '1GB' })));
  const recovery = await run('host.recover', { host: 'esx-1.lab' });
  const webhooks = await Promise.all(
    ['one', 'two', 'three'].map((path) => make('/v1/webhooks', { url: `${receiver}/${path}` })),
  );
  // Of one that is in no dictionary: deliveries go with their webhook.
  const kept = await make('/v1/webhooks', { url: `${receiver}/kept` });
  const deliveries = await Promise.all(['a', 'b'].map(() => make(`/v1/webhooks/${kept}/test`, {})));
  const keys = await Promise.all(['fuzz-1', 'fuzz-2'].map((name) => make('/v1/keys', { name, role: 'viewer' })));

  const dictionaries: Readonly<Record<string, readonly unknown[]>> = {
    jobs: [...dead, pulled, ...volumes].map(({ id }) => id),
    recoveries: [recovery.id],
    volumes: VOLUMES,
    containers: [...CONTAINERS, ...containers.map(({ result }) => result?.['id'])],
    hosts: ['esx-1.lab', 'esx-2.lab'],
    stores: ['default', 'fast', 'nfs'],
    images: [IMAGE, pulled.result?.['image']],
    digests: [pulled.result?.['image']],
    webhooks,
    deliveries,
    keys,
    codes: ['volume-not-found', 'request-invalid'],
  };
  for (const [noun, words] of Object.entries(dictionaries)) {
    const lines = words.map((word) => JSON.stringify(z.string().parse(word)));
    await writeFile(join(directory, `${noun}.dict`), `${lines.join('\n')}\n`);
  }
}
