import { join } from 'node:path';
import type { Logger } from 'pino';
import { StowageError } from '../core/errors.ts';
import { moref } from '../core/ids.ts';
import type { DataCentre } from '../core/ports/data-centre.ts';
import { createAccess } from './access.ts';
import { VimCaller } from './caller.ts';
import { Collector } from './collector.ts';
import { createDisks } from './disks.ts';
import { createEstates } from './estates.ts';
import { createEventLog } from './event-log.ts';
import { createFiles } from './files.ts';
import { Folder } from './folder.ts';
import { createHosts } from './hosts.ts';
import { createInventory } from './inventory.ts';
import { KeepAlive } from './keep-alive.ts';
import { createMachines } from './machines.ts';
import { Mover } from './mover.ts';
import { Places } from './places.ts';
import { createPower } from './power.ts';
import { Session } from './session.ts';
import { SoapClient } from './soap-client.ts';
import { createTasks } from './tasks.ts';
import { Transport } from './transport.ts';
import type { Trust } from './trust.ts';

export interface ConnectOptions {
  /** `https://vcenter.example/sdk`; `http:` is only for labs: it sends the password readable. Without a path, `/sdk`. */
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly trust: Trust;
  /** Needed when vCenter has several. */
  readonly datacenter?: string;
  readonly logger: Logger;
  readonly maxConnections?: number;
  /** The program that uploads large files. Default: `bin/mover` beside the sources. */
  readonly mover?: string;
  readonly callTimeoutMs?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

const SERVICE_INSTANCE = moref('ServiceInstance', 'ServiceInstance');
const DEFAULT_CONNECTIONS = 16;
const DEFAULT_CALL_TIMEOUT_MS = 60_000;
const POLL_SECONDS = 30;

function endpointOf(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new StowageError('vcenter-invalid', 'the address of vCenter is no http or https URL');
  }
  if (url.username !== '' || url.password !== '') {
    throw new StowageError('vcenter-invalid', 'the address of vCenter must not contain a user or password');
  }
  url.pathname = url.pathname.replace(/\/+$/, '') || '/sdk';
  return url;
}

/**
 * A vCenter as jobs need it. Nothing is sent yet: the first use logs in, and `ping` tells whether that works.
 * @throws StowageError `vcenter-invalid` for an address that is none
 */
export async function connectDataCentre(options: ConnectOptions): Promise<DataCentre> {
  const url = endpointOf(options.url);
  const { logger, user, password, trust } = options;
  const timeoutMs = options.callTimeoutMs ?? DEFAULT_CALL_TIMEOUT_MS;
  const transport = new Transport({ url, trust, maxConnections: options.maxConnections ?? DEFAULT_CONNECTIONS });
  const soap = new SoapClient(transport, url);
  const session = new Session(soap, { user, password, timeoutMs, now: options.now ?? Date.now });
  const caller = new VimCaller({ soap, session, server: url.hostname, timeoutMs });
  const collector = new Collector({ caller, logger, pollSeconds: POLL_SECONDS });
  const places = new Places(caller, options.datacenter);
  const program = options.mover ?? join(import.meta.dirname, '..', 'bin', 'mover');
  const mover = new Mover({ program, url, trust, timeoutMs });
  const folder = new Folder({ transport, mover, session, places, timeoutMs });
  const keepAlive = new KeepAlive(caller);
  const estates = createEstates(caller, places);
  return {
    tasks: createTasks(caller, collector),
    disks: createDisks(caller, places),
    files: createFiles({ caller, collector, places, folder }),
    machines: createMachines({ caller, collector, places }),
    power: createPower(caller, places),
    hosts: createHosts(caller, places),
    estates,
    access: createAccess(caller, places, estates),
    eventLog: createEventLog(caller),
    inventory: createInventory({ caller, collector, places }),

    async ping(signal) {
      const clock = await caller.read('CurrentTime', SERVICE_INSTANCE, {}, { signal });
      const { about } = (await session.current(signal)).content;
      await places.datacenter(signal);
      return { about: about.fullName, apiVersion: about.apiVersion, clock };
    },

    async close() {
      keepAlive.stop();
      await collector.close();
      await session.close();
      await transport.close();
    },
  };
}
