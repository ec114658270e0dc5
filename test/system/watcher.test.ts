import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StowageEvent } from '../../core/events.ts';
import type { HostConnection } from '../../core/host.ts';
import { startFairClock } from '../harness/fair-clock.ts';
import { startSystem, type System } from '../harness/system.ts';
import { eventually } from './lab-view.ts';

const HOST = 'esx-2.lab';
/** What operators may count on: the records follow vSphere this fast. */
const FOLLOWS_MS = 2_000;

describe('hosts, as the watcher sees them', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ workers: 2 });
    await untilHostIs('connected');
  });
  afterAll(() => system.close());

  const untilHostIs = (connection: HostConnection): Promise<true> =>
    eventually(
      `${HOST} ${connection}`,
      async () => (await system.store.records.read('host', HOST))?.record.connection === connection || undefined,
    );
  /** Something happens in vSphere, and the records show it in time. */
  const follows = async (happens: () => Promise<unknown>, shown: () => Promise<unknown>): Promise<void> => {
    await happens();
    const clock = startFairClock();
    await shown();
    expect(clock.elapsedMs()).toBeLessThan(FOLLOWS_MS);
  };
  const fail = (mode: string) => (): Promise<unknown> => system.lab('POST', `/hosts/${HOST}/fail`, { mode });
  const comeBack = (): Promise<unknown> => system.lab('POST', `/hosts/${HOST}/return`);
  /** A recovery has events of its own with the host. */
  const newest = async (subject: string): Promise<StowageEvent | undefined> =>
    (await system.store.events.list({ limit: 20, subject })).items.find(({ type }) => type === 'host.changed');

  it('a host that fails and returns: record and event within two seconds', async () => {
    await follows(fail('crash'), () => untilHostIs('not-responding'));
    expect(await newest(`host:${HOST}`)).toMatchObject({
      type: 'host.changed',
      data: { connection: 'not-responding', was: 'connected' },
    });
    await follows(comeBack, () => untilHostIs('connected'));
    expect(await newest(`host:${HOST}`)).toMatchObject({ type: 'host.changed', data: { connection: 'connected' } });
  });

  it('maintenance shows too', async () => {
    await follows(
      () => system.lab('POST', '/hosts/esx-3.lab/maintenance', { enter: true }),
      () =>
        eventually(
          'maintenance',
          async () => (await system.store.records.read('host', 'esx-3.lab'))?.record.inMaintenance === true,
        ),
    );
    expect(await newest('host:esx-3.lab')).toMatchObject({ data: { inMaintenance: true } });
  });

  it('after a dropped session it goes on', async () => {
    await system.lab('POST', '/sessions/drop');
    await fail('isolate')();
    await untilHostIs('not-responding');
    await follows(comeBack, () => untilHostIs('connected'));
  });

  it('the stores are there with their space and their datastores', async () => {
    const { items } = await system.store.records.list('store', { limit: 10 });
    const kinds = items.map(({ record }) => [record.name, record.backing, record.datastores.map(({ name }) => name)]);
    expect(kinds).toEqual([
      ['default', 'block', ['shared-1']],
      ['fast', 'block', ['shared-2']],
      ['nfs', 'files', ['nfs-1']],
      ['pod', 'block', ['pod-ds-1', 'pod-ds-2']],
    ]);
    for (const { record } of items) {
      expect(record.fault).toBeUndefined();
      expect(record.freeBytes).toBeGreaterThan(0);
      expect(record.freeBytes).toBeLessThanOrEqual(record.capacityBytes);
    }
  });
});
