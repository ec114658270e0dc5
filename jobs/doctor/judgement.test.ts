import { describe, expect, test } from 'vitest';
import type { MissingPrivilege } from '../../core/ports/access.ts';
import type { QueueServerFacts } from '../../core/ports/queue-server.ts';
import type { RegistryFinding } from '../../core/ports/registry.ts';
import { examine, ok } from './checks.ts';
import { judgeGateways, judgeRegistries } from './outside.ts';
import { judgeRedis } from './redis.ts';
import { judgeSpace } from './stores.ts';
import { judgeAccess, judgeClock, judgeVersion } from './vcenter.ts';

const GOOD: QueueServerFacts = {
  software: 'redis',
  version: '7.2.4',
  evictionPolicy: 'noeviction',
  usedMemoryBytes: 5e6,
  maxMemoryBytes: 0,
  appendOnly: true,
  appendFsync: 'everysec',
  isLastSaveGood: true,
  role: 'master',
  clockMs: 1_000_000,
  askedAtMs: 1_000_000,
  roundTripMs: 1,
};
const redis = (facts: Partial<QueueServerFacts>) =>
  Object.fromEntries(judgeRedis({ ...GOOD, ...facts }).map(({ name, state }) => [name, state]));

describe('what doctor makes of Redis', () => {
  test('a server that is set up as it should be', () => {
    expect(new Set(Object.values(redis({})))).toEqual(new Set(['ok']));
  });

  test('settings that lose jobs fail; with no limit of memory nothing is evicted yet', () => {
    expect(redis({ evictionPolicy: 'allkeys-lru', maxMemoryBytes: 1e9 })).toMatchObject({ 'redis.eviction': 'failed' });
    expect(redis({ evictionPolicy: 'allkeys-lru' })).toMatchObject({ 'redis.eviction': 'warning' });
    expect(redis({ appendOnly: false })).toMatchObject({ 'redis.persistence': 'failed' });
    expect(redis({ isLastSaveGood: false })).toMatchObject({ 'redis.persistence': 'failed' });
    expect(redis({ appendFsync: 'no' })).toMatchObject({ 'redis.persistence': 'warning' });
  });

  test('old, a replica, full, slow, another time', () => {
    expect(redis({ version: '6.0.16' })).toMatchObject({ 'redis.version': 'failed' });
    expect(redis({ version: '8.0.1', software: 'valkey' })).toMatchObject({ 'redis.version': 'ok' });
    expect(redis({ role: 'slave' })).toMatchObject({ 'redis.version': 'failed' });
    expect(redis({ usedMemoryBytes: 95e6, maxMemoryBytes: 100e6 })).toMatchObject({ 'redis.memory': 'warning' });
    expect(redis({ roundTripMs: 80 })).toMatchObject({ 'redis.latency': 'warning' });
    expect(redis({ clockMs: 1_030_000 })).toMatchObject({ 'redis.clock': 'warning' });
  });

  test('what a server does not tell is skipped, not guessed', () => {
    const { clockMs, askedAtMs, roundTripMs } = GOOD;
    const silent = judgeRedis({ software: 'other', clockMs, askedAtMs, roundTripMs });
    expect(silent.map(({ state }) => state)).toEqual(['skipped', 'skipped', 'skipped', 'skipped', 'ok', 'ok']);
  });
});

describe('what doctor makes of vCenter', () => {
  test('versions: too old, unsupported by its maker, good, none', () => {
    const states = ['6.0', '6.7.3', '8.0.2.0', '10.1', 'unknown'].map(
      (version) => judgeVersion('vCenter', version).state,
    );
    expect(states).toEqual(['failed', 'warning', 'ok', 'ok', 'warning']);
  });

  test('clocks: what the way there took is no difference', () => {
    expect(judgeClock(900, 1_000)).toMatchObject({
      state: 'ok',
      message: 'vCenter and this worker have the same time',
    });
    expect(judgeClock(-8_000, 100)).toMatchObject({
      state: 'warning',
      message: expect.stringContaining('7.9 s behind'),
    });
    expect(judgeClock(90_000, 100)).toMatchObject({ state: 'failed', message: expect.stringContaining('ahead of') });
  });

  test('missing privileges are named with their object; those that only draining wants are a warning', () => {
    const lacks = (id: string, uses: readonly string[]): MissingPrivilege => ({
      id,
      label: `L ${id}`,
      on: 'datastore ds1',
      uses,
    });
    const judged = (missing: readonly MissingPrivilege[]) =>
      judgeAccess({ user: 'svc', asked: 45, missing, absent: [] });
    expect(judged([])).toMatchObject({ state: 'ok' });
    const one = judged([lacks('Datastore.Browse', ['volumes', 'images'])]);
    expect(one).toMatchObject({ state: 'failed', advice: expect.stringContaining('L Datastore.Browse') });
    expect(one.message).toBe(
      'svc lacks 1 of 45 privileges: Datastore.Browse on datastore ds1. Without them, no volumes, images',
    );
    expect(judged([lacks('Host.Config.Maintenance', ['draining hosts'])]).state).toBe('warning');
    expect(judged(Array.from({ length: 20 }, (_, n) => lacks(`P.${n}`, ['volumes']))).message).toContain('and 12 more');
  });

  test('a datastore that is nearly full', () => {
    const space = (freeBytes: number, capacityBytes: number) =>
      judgeSpace('store.x', 'datastore x', [{ freeBytes, capacityBytes, kind: 'VMFS' }]);
    expect([space(500e9, 1e12), space(40e9, 1e12), space(5e9, 20e9)].map(({ state }) => state)).toEqual([
      'ok',
      'warning',
      'warning',
    ]);
  });
});

describe('what doctor makes of registries and gateways', () => {
  const fault = { kind: 'unavailable', code: 'registry-unreachable', message: 'no way' } as const;
  const at = (endpoint: string, more: Partial<RegistryFinding> = {}): RegistryFinding => ({
    registry: 'docker.io',
    endpoint,
    isMirror: false,
    isNamed: true,
    ...more,
  });
  const states = (...findings: readonly RegistryFinding[]) => judgeRegistries(findings).map(({ state }) => state);

  test('a registry that cannot be reached fails, unless another endpoint of it answers or nothing names it', () => {
    expect(states(at('docker.io'))).toEqual(['ok']);
    expect(states(at('docker.io', { fault }))).toEqual(['failed']);
    expect(states(at('mirror:5000', { isMirror: true }), at('docker.io', { fault }))).toEqual(['ok', 'warning']);
    expect(states(at('mirror:5000', { isMirror: true, fault }), at('docker.io'))).toEqual(['warning', 'ok']);
    expect(states(at('docker.io', { isNamed: false, fault }))).toEqual(['warning']);
  });

  test('gateways: none, one that answers, one that does not', () => {
    const guest = { ...fault, code: 'guest-unreachable' } as const;
    expect(judgeGateways([]).map(({ state }) => state)).toEqual(['failed']);
    const two = judgeGateways([{ url: 'http://a:1' }, { url: 'http://b:2', fault: guest }]);
    expect(two.map(({ name, state }) => [name, state])).toEqual([
      ['gateway.a:1', 'ok'],
      ['gateway.b:2', 'failed'],
    ]);
  });
});

describe('one thing that cannot be looked at', () => {
  test('has failed, with what its error advises; the others are looked at all the same', async () => {
    const { signal } = new AbortController();
    expect(await examine('x', signal, async () => [ok('x', 'well')])).toEqual([ok('x', 'well')]);
    const [check] = await examine('x', signal, () => Promise.reject(new Error('it broke')));
    expect(check).toMatchObject({ name: 'x', state: 'failed', message: expect.stringContaining('it broke') });
  });

  test('is no finding when the job itself is ended', async () => {
    const ending = new AbortController();
    const looking = examine('x', ending.signal, async (signal) => {
      ending.abort(new Error('cancelled'));
      signal.throwIfAborted();
      return [];
    });
    await expect(looking).rejects.toThrow('cancelled');
  });
});
