import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asStowageError, type StowageError } from '../../core/errors.ts';
import type { Role } from '../../core/ports/jobs.ts';
import { startSystem, type System } from '../harness/system.ts';
import { changesSoFar } from './lab-view.ts';

describe('what is refused before anything happens', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem();
  });
  afterAll(() => system.close());

  async function refusal(kind: string, payload: unknown, role: Role = 'admin'): Promise<StowageError> {
    try {
      await system.submit(kind, payload, { actor: 'test', role });
    } catch (thrown) {
      return asStowageError(thrown);
    }
    throw new Error(`${kind} ${JSON.stringify(payload)} was accepted`);
  }
  const sized = (size: string): object => ({ name: 'demo', options: { size } });

  const BAD: readonly (readonly [kind: string, payload: unknown, pointer: string])[] = [
    ['volume.create', {}, '/payload/name'],
    ['volume.create', null, '/payload'],
    ['volume.create', [], '/payload'],
    ['volume.create', { name: 'x' }, '/payload/name'],
    ['volume.create', { name: 'a/b' }, '/payload/name'],
    ['volume.create', { name: '../../etc' }, '/payload/name'],
    ['volume.create', { name: 'snap-000001' }, '/payload/name'],
    ['volume.create', { name: 'a'.repeat(101) }, '/payload/name'],
    ['volume.create', { name: 7 }, '/payload/name'],
    ['volume.create', { name: 'demo', colour: 'red' }, '/payload/colour'],
    ['volume.create', { name: 'demo', driver: 'nfs' }, '/payload/driver'],
    ['volume.create', { name: 'demo', options: { colour: 'red' } }, '/payload/options/colour'],
    ['volume.create', { name: 'demo', options: { size: 10 } }, '/payload/options/size'],
    ['volume.create', { name: 'demo', options: { Capacity: '1GB', size: '1GB' } }, '/payload/options/size'],
    ['volume.create', { name: 'demo', options: { diskformat: 'thick' } }, '/payload/options/diskformat'],
    ['volume.create', { name: 'demo', options: { VolumeStore: 'gold' } }, '/payload/options/VolumeStore'],
    ['volume.create', { name: 'demo', options: { 'clone-from': 'demo' } }, '/payload/options/clone-from'],
    ['volume.create', { name: 'demo', options: { 'a/b~c': '' } }, '/payload/options/a~1b~0c'],
    ['volume.create', { name: 'demo', labels: { a: 1 } }, '/payload/labels/a'],
    ['volume.create', sized('-1'), '/payload/options/size'],
    ['volume.create', sized('9223372036854775808'), '/payload/options/size'],
    ['volume.create', sized('10XB'), '/payload/options/size'],
    ['volume.create', sized('63TiB'), '/payload/options/size'],
    ['volume.create', sized(''), '/payload/options/size'],
    ['volume.clone', { source: 'demo', name: 'demo' }, '/payload/name'],
    ['volume.expand', { name: 'demo', capacity: '-5GB' }, '/payload/capacity'],
    ['volume.attach', { volume: 'demo' }, '/payload/machine'],
    ['volume.attach', { volume: 'demo', machine: 'vm', access: 'append' }, '/payload/access'],
    ['volume.attach', { volume: 'demo', machine: 'a\u0000b' }, '/payload/machine'],
    ['volume.detach', { volume: '' }, '/payload/volume'],
    ['volume.remove', { name: 'demo', force: true }, '/payload/force'],
    ['reconcile.run', { now: true }, '/payload/now'],
  ];

  it('a pointer to the field for each, no job, and no change in vSphere', async () => {
    const before = await changesSoFar(system);
    const jobs = (await system.store.jobs.list({ actor: 'test' }, { limit: 10 })).items;
    for (const [kind, payload, pointer] of BAD) {
      const error = await refusal(kind, payload);
      expect.soft(error.facts, `${kind} ${JSON.stringify(payload)}`).toMatchObject({
        kind: 'invalid',
        code: 'request-invalid',
      });
      expect.soft(error.details.fields?.map((field) => field.pointer)).toContain(pointer);
    }
    expect((await system.store.jobs.list({ actor: 'test' }, { limit: 10 })).items).toEqual(jobs);
    expect(await changesSoFar(system)).toEqual(before);
  });

  it('the comparison of changes sees one', async () => {
    const before = await changesSoFar(system);
    expect(await system.run('volume.create', { name: 'demo' })).toMatchObject({ state: 'succeeded' });
    expect(await changesSoFar(system)).not.toEqual(before);
  });

  it('several faults are told at once', async () => {
    const error = await refusal('volume.create', { name: '!', options: { size: 'big', colour: 'red' } });
    expect(error.details.fields?.length).toBeGreaterThan(0);
    const both = await refusal('volume.create', { name: 'demo', options: { size: 'big', colour: 'red' } });
    expect(both.details.fields?.map((field) => field.pointer)).toEqual([
      '/payload/options/size',
      '/payload/options/colour',
    ]);
  });

  it('an unknown kind lists the known ones; a viewer is refused; a key is for one payload', async () => {
    expect(await refusal('volume.burn', {})).toMatchObject({
      code: 'kind-unknown',
      details: { fields: [{ pointer: '/kind' }] },
    });
    expect(await refusal('volume.create', { name: 'demo' }, 'viewer')).toMatchObject({ code: 'role-insufficient' });
    const submitter = { actor: 'test', role: 'admin', idempotencyKey: 'k1' } as const;
    const first = await system.submit('volume.create', { name: 'keyed' }, submitter);
    expect(await system.submit('volume.create', { name: 'keyed' }, submitter)).toEqual({
      outcome: 'repeated',
      id: first.id,
    });
    await expect(system.submit('volume.create', { name: 'other' }, submitter)).rejects.toMatchObject({
      code: 'idempotency-key-reused',
    });
    expect(await system.end(first.id)).toMatchObject({ state: 'succeeded' });
  });
});
