import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type DockerCli, dockerCli, type Ran } from './docker-cli.ts';
import { type Product, startProduct } from './product.ts';
import { openTerminal, type Terminal } from './terminal.ts';

// `npm start` with machines that run, and the real docker CLI.

export interface GuestProduct {
  readonly product: Product;
  readonly docker: DockerCli;
  /** Of the data that it keeps. */
  readonly dir: string;
  /** Runs the CLI, which must succeed. */
  ok(...args: readonly string[]): Promise<string>;
  /** Runs it in a terminal. */
  terminal(...args: readonly string[]): Promise<Terminal>;
  /** Of the lab vCenter. */
  lab(method: string, path: string, body?: object): Promise<unknown>;
  close(): Promise<void>;
}

export async function startGuestProduct(env: Readonly<Record<string, string>> = {}): Promise<GuestProduct> {
  const dir = await mkdtemp(join(tmpdir(), 'stowage-guest-e2e-'));
  const product = await startProduct(dir, { STOWAGE_LAB_GUESTS: 'on', STOWAGE_CONTAINER_MEMORY: '192MB', ...env });
  const docker = dockerCli(product.docker);
  const terminals: Terminal[] = [];
  return {
    product,
    docker,
    dir,
    async ok(...args) {
      const ran: Ran = await docker(...args);
      expect([ran.code, ran.code === 0 ? '' : ran.stdout + ran.stderr], `docker ${args.join(' ')}`).toEqual([0, '']);
      return ran.stdout;
    },
    async terminal(...args) {
      const terminal = await openTerminal(['docker', ...args], { DOCKER_HOST: product.docker });
      terminals.push(terminal);
      return terminal;
    },
    async lab(method, path, body) {
      const response = await fetch(`${product.lab.replace(/\/$/, '')}${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      expect(response.status, `${method} ${path}`).toBe(200);
      return await response.json();
    },
    async close() {
      for (const terminal of terminals) terminal.close();
      docker.close();
      await product.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
