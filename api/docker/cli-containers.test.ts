import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ImageSystem, startImageSystem } from '../../test/harness/image-system.ts';
import type { Ran } from '../../test/harness/docker-cli.ts';
import { type DockerRig, serveDocker } from './rig.ts';

// The real CLI, against real workers, a registry and a lab vCenter.

let system: ImageSystem;
let rig: DockerRig;

beforeAll(async () => {
  system = await startImageSystem();
  await Promise.all([system.pushSample('busybox'), system.pushSample('demo')]);
  rig = await serveDocker({ submit: system.submit, ...system.store });
  await ok('pull', '-q', 'busybox');
  await ok('pull', '-q', 'demo:0.1');
}, 180_000);

afterAll(async () => {
  await rig?.close();
  await system?.close();
});

async function ok(...args: string[]): Promise<Ran> {
  const ran = await rig.docker(args);
  expect(ran, `docker ${args.join(' ')}`).toMatchObject({ code: 0 });
  return ran;
}

async function refused(...args: string[]): Promise<string> {
  const ran = await rig.docker(args);
  expect(ran.code, `docker ${args.join(' ')}`).toBeGreaterThan(0);
  return ran.stderr
    .replace(/^docker: /, '')
    .replace(/\n[\s\S]*$/, '')
    .replace(/^Error response from daemon: /, '');
}

describe('containers by the CLI', { timeout: 120_000 }, () => {
  test('a container runs, is shown, is stopped and removed', async () => {
    const { stdout, stderr } = await ok('run', '-d', '--name', 'demo', 'demo:0.1');
    expect(stderr).toBe('');
    const id = stdout.trim();
    console.log((await ok('ps', '-a', '--size')).stdout);
    console.log((await ok('ps', '--no-trunc')).stdout);
    console.log((await ok('inspect', 'demo')).stdout);
    console.log(await rig.docker(['run', 'busybox', 'true']));
    console.log(await rig.docker(['create', 'busybox', 'true']));
    console.log(await rig.docker(['ps', '-a']));
    console.log(await rig.docker(['run', '-d', '-v', '/host:/x', 'busybox']));
    console.log(await rig.docker(['run', '-d', '-v', 'x:/x', 'busybox']));
    console.log(await rig.docker(['stop', '-t', '1', 'demo']));
    console.log(await rig.docker(['rm', '-v', 'demo']));
    console.log(await rig.docker(['container', 'prune', '-f']));
    console.log(await rig.docker(['system', 'df']));
  });
});
