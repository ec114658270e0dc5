import { execFile } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { inParallel } from './rig.ts';

const run = promisify(execFile);
const MAX_OUTPUT = 16 * 1_048_576;

const manifestDocument = z.object({ layers: z.array(z.object({ digest: z.string(), size: z.number() })) });
const report = z.object({ blobDigest: z.string(), diffId: z.string(), imageBytes: z.number() });

export interface ByHand {
  /** `127.0.0.1:5000/library/big:1` */
  readonly image: string;
  /** Made anew for the blobs and the disks; whoever calls removes it. */
  readonly dir: string;
  readonly layerdisk: string;
  /** Conversions at once. */
  readonly width: number;
}

/**
 * What somebody would do without Stowage: `skopeo copy` to a directory, then the conversion of each blob there.
 *
 * @returns the disks' sizes, by diffID
 */
export async function pullByHand({ image, dir, layerdisk, width }: ByHand): Promise<ReadonlyMap<string, number>> {
  await rm(dir, { recursive: true, force: true });
  await mkdir(join(dir, 'disks'), { recursive: true });
  const blobs = join(dir, 'blobs');
  // `--insecure-policy`: a fresh machine has no policy.json, and without one skopeo copies nothing.
  const options = ['--insecure-policy', '--src-tls-verify=false', '--quiet'];
  await run('skopeo', ['copy', ...options, `docker://${image}`, `dir:${blobs}`]);
  const { layers } = manifestDocument.parse(JSON.parse(await readFile(join(blobs, 'manifest.json'), 'utf8')));
  const disks = new Map<string, number>();
  await inParallel(layers, width, async ({ digest }) => {
    const hex = digest.slice('sha256:'.length);
    const args = ['-c', 'exec "$0" -out "$2" < "$1"', layerdisk, join(blobs, hex), join(dir, 'disks', `${hex}.disk`)];
    const { stdout } = await run('sh', args, { maxBuffer: MAX_OUTPUT });
    const made = report.parse(JSON.parse(stdout));
    if (made.blobDigest !== digest) throw new Error(`${digest} was converted as ${made.blobDigest}`);
    disks.set(made.diffId, made.imageBytes);
  });
  return disks;
}
