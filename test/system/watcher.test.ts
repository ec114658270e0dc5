import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StowageEvent } from '../../core/events.ts';
import type { HostConnection } from '../../core/host.ts';
import { startSystem, type System } from '../harness/system.ts';
import { eventually } from './lab-view.ts';

const HOST = 'esx-2.lab';
/** What operators may count on: the records follow vSphere this fast. */
const FOLLOWS_MS = 2_000;

describe('hosts, as the watcher sees them', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ workers: 2 });
    await untilHostIs('connected', 10_000);
  });
  afterAll(() => system.close());

  const untilHostIs = (connection: HostConnection, timeoutMs: number): Promise<true> =>
    eventually(
      `${HOST} ${connection}`,
      async () => (await system.store.records.read('host', HOST))?.record.connection === connection || undefined,
      timeoutMs,
    );
  const newest = async (subject: string): Promise<StowageEvent | undefined> =>
    (await system.store.events.list({ limit: 1, subject })).items[0];

  it('a host that fails and returns: record and event within two seconds', async () => {
    await system.lab('POST', `/hosts/${HOST}/fail`, { mode: 'crash' });
    await untilHostIs('not-responding', FOLLOWS_MS);
    expect(await newest(`host:${HOST}`)).toMatchObject({
      type: 'host.changed',
      data: { connection: 'not-responding', was: 'connected' },
    });
    await system.lab('POST', `/hosts/${HOST}/return`);
    await untilHostIs('connected', FOLLOWS_MS);
    expect(await newest(`host:${HOST}`)).toMatchObject({ type: 'host.changed', data: { connection: 'connected' } });
  });

  it('maintenance shows too', async () => {
    await system.lab('POST', '/hosts/esx-3.lab/maintenance', { enter: true });
    await eventually(
      'maintenance',
      async () => (await system.store.records.read('host', 'esx-3.lab'))?.record.inMaintenance === true,
      FOLLOWS_MS,
    );
    expect(await newest('host:esx-3.lab')).toMatchObject({ data: { inMaintenance: true } });
  });

  it('after a dropped session it goes on', async () => {
    await system.lab('POST', '/sessions/drop');
    await system.lab('POST', `/hosts/${HOST}/fail`, { mode: 'isolate' });
    await untilHostIs('not-responding', 5_000);
    await system.lab('POST', `/hosts/${HOST}/return`);
    await untilHostIs('connected', FOLLOWS_MS);
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
