import { expect } from 'vitest';
import { type DockerRig, serveDocker } from '../../api/docker/rig.ts';
import type { Ran } from './docker-cli.ts';
import { type ImageSystem, startImageSystem } from './image-system.ts';

/** The real CLI against real workers, a registry and a lab vCenter. */
export interface DockerSystem {
  readonly system: ImageSystem;
  readonly rig: DockerRig;
  docker(...args: readonly string[]): Promise<Ran>;
  /** What it prints; it must succeed, and say nothing on stderr but warnings. */
  ok(...args: readonly string[]): Promise<string>;
  /** The lines of what it prints. */
  lines(...args: readonly string[]): Promise<readonly string[]>;
  /** The daemon's message; it must fail. */
  refused(...args: readonly string[]): Promise<string>;
  close(): Promise<void>;
}

/** @param samples images that are pulled */
export async function startDockerSystem(...samples: readonly ('busybox' | 'demo')[]): Promise<DockerSystem> {
  const system = await startImageSystem();
  await Promise.all(samples.map((sample) => system.pushSample(sample)));
  const rig = await serveDocker({ submit: system.submit, ...system.store });
  const docker = (...args: readonly string[]): Promise<Ran> => rig.docker(args);
  const ok = async (...args: readonly string[]): Promise<string> => {
    const ran = await docker(...args);
    expect(ran, `docker ${args.join(' ')}`).toMatchObject({ code: 0 });
    expect(ran.stderr.replaceAll(/^WARNING: .*\n/gm, ''), `docker ${args.join(' ')}`).toBe('');
    return ran.stdout;
  };
  for (const sample of samples) await ok('pull', '-q', sample === 'demo' ? 'demo:0.1' : sample);
  return {
    system,
    rig,
    docker,
    ok,
    lines: async (...args) => (await ok(...args)).split('\n').filter((line) => line !== ''),
    async refused(...args) {
      const ran = await docker(...args);
      expect(ran.code, `docker ${args.join(' ')}`).toBeGreaterThan(0);
      return /Error response from daemon: (.*)/.exec(ran.stderr)?.[1] ?? ran.stderr;
    },
    async close() {
      await rig.close();
      await system.close();
    },
  };
}
