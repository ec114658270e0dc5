import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerRecord } from '../../core/container.ts';
import { parseContainerId } from '../../core/ids.ts';
import { type ContainerSystem, startContainerSystem } from '../../test/harness/container-system.ts';
import { dockerCli, type Ran } from '../../test/harness/docker-cli.ts';
import { createLocalGuests, type LocalGuests } from '../../test/harness/local-guests.ts';
import { type DockerRig, serveDocker } from './rig.ts';

// `docker run` in the foreground: real workers and a lab vCenter; the container's process is one of this machine.

let system: ContainerSystem;
let rig: DockerRig;
let local: LocalGuests;
let following: Promise<void>;
const over = new AbortController();
/** What the system has pulled. */
const IMAGE = 'busybox';

/** Runs what the record says when the machine is on; the machine goes off with the process, as a guest would do it. */
async function playGuests(): Promise<void> {
  const ends: Promise<void>[] = [];
  for await (const { type, subject } of system.store.events.follow('$', over.signal)) {
    const id = parseContainerId(subject.replace('container:', ''));
    if (id === undefined) continue;
    if (type === 'container.died') local.kill(id);
    const record = type === 'container.started' ? await system.record(id) : undefined;
    if (record !== undefined) ends.push(playOne(record));
  }
  await Promise.all(ends);
}

async function playOne({ name, called, spec, run }: ContainerRecord): Promise<void> {
  const code = await local.run(name, run.startedAt ?? '', [...spec.entrypoint, ...spec.command]);
  const isOn = (await system.record(name))?.state === 'running';
  if (isOn && !over.signal.aborted) await system.endByItself(called, code);
}

beforeAll(async () => {
  system = await startContainerSystem();
  local = createLocalGuests();
  rig = await serveDocker({ submit: system.submit, ...system.store, guests: local.guests });
  following = playGuests();
}, 180_000);
afterAll(async () => {
  over.abort();
  await rig?.close();
  await local?.close();
  await following;
  await system?.close();
});

const docker = async (args: readonly string[], input = ''): Promise<Ran> => {
  const cli = dockerCli(`tcp://${rig.address}`);
  const ran = await cli.with({ input })(...args);
  cli.close();
  return ran;
};
const script = (text: string): readonly string[] => ['sh', '-c', text];

describe('docker run', { timeout: 120_000 }, () => {
  test('shows the output and ends with the exit code; --rm leaves nothing', async () => {
    const ran = await docker(['run', '--rm', '--name', 'brief', IMAGE, ...script('echo out; echo err >&2; exit 7')]);
    expect(ran).toEqual({ code: 7, stdout: 'out\n', stderr: 'err\n' });
    expect((await docker(['ps', '-aq', '-f', 'name=brief'])).stdout).toBe('');
  });

  test('takes input to its end', async () => {
    const text = 'a line\n'.repeat(50_000);
    const ran = await docker(['run', '-i', '--name', 'cat', IMAGE, 'cat'], text);
    expect(ran.code).toBe(0);
    expect(ran.stdout === text).toBe(true);
    expect((await docker(['logs', '-n', '1', 'cat'])).stdout.endsWith('a line\n')).toBe(true);
  });

  test('with --rm comes back when the start fails', async () => {
    await docker(['run', '-d', '--name', 'owner', '-v', 'only_one:/data', IMAGE, 'sleep', '600']);
    const failed = await docker(['run', '--rm', '--name', 'late', '-v', 'only_one:/data', IMAGE, 'true']);
    expect(failed.code).toBe(125);
    expect(failed.stderr).toMatch(/only_one.*(in use|owner)/);
    expect((await docker(['ps', '-aq', '-f', 'name=late'])).stdout).toBe('');
  });

  test('a container that is stopped ends its attachments and its logs', async () => {
    const attached = docker(['run', '--name', 'stopped', IMAGE, ...script('echo begun; exec sleep 600')]);
    await expect.poll(async () => (await docker(['logs', 'stopped'])).stdout, { timeout: 60_000 }).toBe('begun\n');
    const followed = docker(['logs', '-f', 'stopped']);
    await docker(['stop', '-t', '0', 'stopped']);
    expect(await attached).toEqual({ code: 137, stdout: 'begun\n', stderr: '' });
    expect((await followed).stdout).toBe('begun\n');
  });
});
