import type { HostRecord } from '../../core/host.ts';
import { StowageError } from '../../core/errors.ts';
import { type Moref, resourceKey, type ResourceKey } from '../../core/ids.ts';
import type { HostFacts } from '../../core/ports/data-centre.ts';
import type { PrepareContext, StepContext } from '../define.ts';
import { noted } from '../noted.ts';
import { readAll } from '../read-all.ts';

/** What every job of one host is sent, and what is added to it. */
export interface OnHost {
  /** Its name or moref, as the caller gave it; its name once it is prepared. */
  readonly host: string;
  readonly ref?: Moref;
}

/** Not that of its record: the watcher writes there what it sees, also while a job of the host waits for hours. */
export const hostLine = (name: string): ResourceKey => resourceKey('host-job', name);
export const hostSubject = (name: string): ResourceKey => resourceKey('host', name);

/** @throws `host-not-found` */
export async function prepareHost({ host }: OnHost, { records }: Pick<PrepareContext, 'records'>) {
  const { name, ref } = await findHost(records, host);
  return { host: name, ref };
}

/** By name, or by moref (`host-42` or `HostSystem:host-42`). @throws `host-not-found` */
export async function findHost(records: PrepareContext['records'], text: string): Promise<HostRecord> {
  const named = await records.read('host', text);
  if (named !== undefined) return named.record;
  const all = await readAll({ records }, 'host');
  const found = all.find(({ record: { ref } }) => ref === text || ref === `HostSystem:${text}`);
  if (found !== undefined) return found.record;
  throw new StowageError('host-not-found', `there is no host ${text}`);
}

/** As vCenter has it now. @throws `host-not-found` */
export async function hostNow(
  context: Pick<StepContext<unknown, unknown>, 'dataCentre' | 'signal'>,
  payload: OnHost,
): Promise<HostFacts> {
  const { hosts } = await context.dataCentre.inventory.read(context.signal);
  const found = hosts.find(({ ref }) => ref === noted(payload.ref));
  if (found !== undefined) return found;
  throw new StowageError('host-not-found', `host ${payload.host} is not in vCenter any more`);
}
