import { expect } from 'vitest';
import type { ContainerRecord } from '../../core/container.ts';
import { containerEvent } from '../../jobs/container/container-of.ts';
import { dockerCli, type Ran } from './docker-cli.ts';
import { containerRecord } from '../../api/docker/container-fixtures.ts';
import { createLocalGuests, type LocalGuests } from './local-guests.ts';
import type { DockerParts } from '../../api/docker/parts.ts';
import { type DockerRig, serveDocker, startStoreRig, type StoreRig } from '../../api/docker/rig.ts';

type Fixture = Parameters<typeof containerRecord>[1];

/** The real CLI at containers that are processes of this machine; a test plays the worker that starts and ends them. */
export interface InsideRig {
  readonly bed: StoreRig;
  readonly rig: DockerRig;
  readonly local: LocalGuests;
  /** Runs the CLI, with something on its standard input. */
  docker(args: readonly string[], input?: string): Promise<Ran>;
  /** What it prints; it must succeed. */
  ok(...args: readonly string[]): Promise<string>;
  /** What it says when it fails. */
  refused(...args: readonly string[]): Promise<string>;
  /** A container that was created. */
  create(called: string, given?: Fixture): Promise<ContainerRecord>;
  /** Waits for the job that starts it, does what that is for, and ends the run when its process ends. */
  playStart(record: ContainerRecord, argv: readonly string[]): Promise<void>;
  /** As if it had been started long before. Resolves when it runs; `over` with the exit code. */
  start(record: ContainerRecord, argv: readonly string[]): Promise<{ readonly over: Promise<number> }>;
  /** One that runs until the test is over. */
  runs(called: string, given?: Fixture): Promise<ContainerRecord>;
  put(record: ContainerRecord, event?: Parameters<typeof containerEvent>[0], data?: object): Promise<void>;
  close(): Promise<void>;
}

/** @param given what else the server is made of */
const STARTED_MS = 10_000;

export async function startInsideRig(given: Partial<DockerParts> = {}): Promise<InsideRig> {
  const bed = await startStoreRig();
  const local = createLocalGuests();
  const rig = await serveDocker({ submit: bed.submit, ...bed.store, guests: local.guests, ...given });
  const overs = new Set<Promise<number>>();
  const { records } = bed.store;
  const put: InsideRig['put'] = async (record, event, data = {}) => {
    for (;;) {
      const expectedRev = (await records.read('container', record.name))?.rev ?? 0;
      const events = event === undefined ? [] : [containerEvent(event, record, { ...data })];
      const outcome = await records.observe([{ op: 'put', record, expectedRev }], events);
      if (outcome === 'done') return;
    }
  };
  const start: InsideRig['start'] = async (record, argv) => {
    const startedAt = new Date().toISOString();
    const running = { ...record, state: 'running', run: { ...record.run, startedAt } } as const;
    const over = local.run(record.name, startedAt, argv);
    // Who is told of it finds it there.
    await local.guests.state(record.name, { run: startedAt, ms: STARTED_MS }, AbortSignal.timeout(STARTED_MS));
    await put(running, 'container.started');
    const ended = over.then(async (exitCode) => {
      const run = { ...running.run, exitCode, finishedAt: new Date().toISOString() };
      await put({ ...running, state: 'exited', run }, 'container.died', { exitCode });
      return exitCode;
    });
    overs.add(ended);
    return { over: ended };
  };
  const cli = dockerCli(`tcp://${rig.address}`);
  const docker: InsideRig['docker'] = async (args, input) =>
    await cli.with(input === undefined ? {} : { input })(...args);
  const create: InsideRig['create'] = async (called, given = {}) => {
    const run = { wanted: 'stopped', restarts: 0 } as const;
    const record = containerRecord(called, { state: 'created', run, ...given });
    const name = { type: 'container-name', name: record.called, container: record.name } as const;
    await records.observe([{ op: 'put', record: name, expectedRev: 0 }], []);
    await put(record, 'container.created');
    return record;
  };
  return {
    bed,
    rig,
    local,
    docker,
    async ok(...args) {
      const ran = await docker(args);
      expect(ran, `docker ${args.join(' ')}`).toMatchObject({ code: 0, stderr: '' });
      return ran.stdout;
    },
    async refused(...args) {
      const ran = await docker(args);
      expect(ran.code, `docker ${args.join(' ')}`).toBeGreaterThan(0);
      return ran.stderr.replace(/^Error response from daemon: /, '').trim();
    },
    create,
    async playStart(record, argv) {
      const claim = await bed.begin(await bed.submitted('container.start'));
      await bed.store.claims.commit(claim, { end: { state: 'succeeded', result: { id: record.name, started: true } } });
      await start(record, argv);
    },
    start,
    async runs(called, given) {
      const record = await create(called, given);
      await start(record, ['sleep', '600']);
      return record;
    },
    put,
    async close() {
      cli.close();
      await rig.close();
      await local.close();
      await Promise.all(overs);
      await bed.close();
    },
  };
}
