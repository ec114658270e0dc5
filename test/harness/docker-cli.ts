import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Far above what the CLI needs on a busy machine, and below a test's own limit. */
const DEADLINE_MS = 90_000;

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface DockerCli {
  /** Runs the real CLI. */
  (...args: readonly string[]): Promise<Ran>;
  /** Runs it with something on its standard input, or in another environment. */
  with(options: {
    readonly input?: string;
    readonly env?: Readonly<Record<string, string>>;
  }): (...args: readonly string[]) => Promise<Ran>;
  close(): void;
}

/** The unmodified docker CLI, with a configuration directory of its own (where `docker login` keeps what it is told). */
export function dockerCli(host: string): DockerCli {
  const config = mkdtempSync(join(tmpdir(), 'stowage-docker-cli-'));
  const run =
    ({ input, env = {} }: { readonly input?: string; readonly env?: Readonly<Record<string, string>> }) =>
    async (...args: readonly string[]): Promise<Ran> => {
      const { promise, resolve } = Promise.withResolvers<Ran>();
      const child = execFile(
        'docker',
        [...args],
        {
          env: { PATH: process.env['PATH'], DOCKER_HOST: host, DOCKER_CONFIG: config, ...env },
          timeout: DEADLINE_MS,
          maxBuffer: 64 * 1_048_576,
        },
        (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 255;
          resolve({ code, stdout, stderr });
        },
      );
      // It may have ended before it took everything.
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(input ?? '');
      return await promise;
    };
  return Object.assign(run({}), { with: run, close: () => rmSync(config, { recursive: true, force: true }) });
}
