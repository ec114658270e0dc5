import { pino } from 'pino';
import type { StowageError } from '../../core/errors.ts';
import { asStowageError } from '../../core/errors.ts';
import type { DatastorePath, TaskRef } from '../../core/ids.ts';
import { datastorePath } from '../../core/ids.ts';
import type { DataCentre } from '../../core/ports/data-centre.ts';
import type { Fence } from '../../core/ports/fence.ts';
import { type ConnectOptions, connectDataCentre } from '../../vsphere/connect.ts';
import { type SoapProxy, startSoapProxy } from './soap-proxy.ts';
import { type RunningVcenter, startVcenter, type VcenterOptions, type VcenterProgram } from './vcenter.ts';

const TEST_DEADLINE_MS = 100_000;

/** A fence that holds for as long as a test may last. */
export function testFence(overrides: Partial<Fence> = {}): Fence {
  return { epoch: 1, signal: AbortSignal.timeout(TEST_DEADLINE_MS), assertHeld: () => undefined, ...overrides };
}

export const soon = (): AbortSignal => AbortSignal.timeout(TEST_DEADLINE_MS);

/** A data centre of one of the simulators, seen through a recording proxy. */
export interface TestBed {
  readonly program: VcenterProgram;
  readonly vcenter: RunningVcenter;
  readonly proxy: SoapProxy;
  readonly dc: DataCentre;
  readonly datastore: string;
  /** A machine that is powered on. */
  readonly machineName: string;
  /** All that was logged. */
  readonly log: () => string;
  path(inner: string): DatastorePath;
  /** Another client of the same vCenter, directly or as told. */
  connect(overrides?: Partial<ConnectOptions>): Promise<DataCentre>;
  /** One of the lab's controls. */
  control(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<unknown>;
  close(): Promise<void>;
}

const NAMES = {
  lab: { datastore: 'shared-1', machineName: 'lab-vm-1' },
  stock: { datastore: 'LocalDS_0', machineName: 'DC0_H0_VM0' },
} as const;

export async function openTestBed(program: VcenterProgram, options: VcenterOptions = {}): Promise<TestBed> {
  const vcenter = await startVcenter(program, options);
  const proxy = await startSoapProxy({ target: vcenter.url });
  const opened: DataCentre[] = [];
  const lines: string[] = [];
  const logger = pino({ level: 'trace' }, { write: (line: string) => lines.push(line) });
  const connect = async (overrides: Partial<ConnectOptions> = {}): Promise<DataCentre> => {
    const { user, password } = vcenter;
    const dc = await connectDataCentre({ url: proxy.url, user, password, trust: 'system', logger, ...overrides });
    opened.push(dc);
    return dc;
  };
  const { datastore, machineName } = NAMES[program];
  return {
    program,
    vcenter,
    proxy,
    dc: await connect(),
    datastore,
    machineName,
    log: () => lines.join(''),
    path: (inner) => datastorePath(datastore, inner),
    connect,
    async control(method, path, body) {
      const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
      const response = await fetch(`${vcenter.labUrl}${path}`, init);
      if (!response.ok) throw new Error(`${method} /lab${path}: HTTP ${response.status} ${await response.text()}`);
      return response.json();
    },
    async close() {
      await Promise.all(opened.map((dc) => dc.close()));
      await proxy.close();
      await vcenter.stop();
    },
  };
}

/** Waits for a Task that was just started. */
export async function done(bed: TestBed, started: Promise<TaskRef>): Promise<unknown> {
  return bed.dc.tasks.wait(await started, { signal: soon() });
}

/** What a promise was rejected with; it must be. */
export async function failure(promise: Promise<unknown>): Promise<StowageError> {
  try {
    await promise;
  } catch (error) {
    return asStowageError(error);
  }
  throw new Error('this should have failed');
}
