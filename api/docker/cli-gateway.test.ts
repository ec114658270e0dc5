import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerRecord } from '../../core/container.ts';
import { type GatewayBed, linesOf, openGatewayBed } from '../../gateway/rig.ts';
import type { GatewayProcess, Probe } from '../../test/harness/gateway-processes.ts';
import { type InsideRig, startInsideRig } from '../../test/harness/docker-inside.ts';

// The real CLI, a gateway, and the guest's end of the link: what a probe can play of a guest.

let gateways: GatewayBed;
let gateway: GatewayProcess;
let bed: InsideRig;

beforeAll(async () => {
  gateways = await openGatewayBed();
  [gateway, bed] = await Promise.all([gateways.gateway(), startInsideRig({ guests: gateways.guests })]);
}, 120_000);
afterAll(async () => {
  await bed?.close();
  await gateways?.close();
});

interface Started {
  readonly probe: Probe;
  /** Ends its run, and says so as a worker would. */
  end(exitCode: number): Promise<void>;
}

async function start(record: ContainerRecord, bytes = 0): Promise<Started> {
  const startedAt = new Date().toISOString();
  const running = { ...record, state: 'running', run: { ...record.run, startedAt } } as const;
  const boot = `boot-${startedAt}`;
  const probe = gateways.probe(record.name, { ports: [gateway.guestPort], run: startedAt, boot, bytes });
  await bed.put(running, 'container.started');
  return {
    probe,
    async end(exitCode) {
      const gone = once(probe.process, 'exit');
      probe.exit(exitCode);
      await gone;
      const run = { ...running.run, exitCode, finishedAt: new Date().toISOString() };
      await bed.put({ ...running, state: 'exited', run }, 'container.died', { exitCode });
    },
  };
}

describe('through a gateway', { timeout: 60_000 }, () => {
  test('a client that attaches before the start has all output and the exit code', async () => {
    const record = await bed.create('first');
    const attached = bed.docker(['start', '-a', 'first']);
    const claim = await bed.bed.begin(await bed.bed.submitted('container.start'));
    const end = { state: 'succeeded', result: { id: record.name, started: true } } as const;
    await bed.bed.store.claims.commit(claim, { end });
    const { probe, end: exit } = await start(record, 300_000);
    probe.emit(200_000);
    await exit(3);
    const ran = await attached;
    expect(ran).toMatchObject({ code: 3, stderr: '' });
    expect(ran.stdout === linesOf(500_000).toString()).toBe(true);
    // And a second run has its own.
    const again = bed.docker(['start', '-a', 'first']);
    const second = await bed.bed.begin(await bed.bed.submitted('container.start'));
    await bed.bed.store.claims.commit(second, { end });
    await (await start(record, 50)).end(0);
    expect(await again).toEqual({ code: 0, stdout: linesOf(50).toString(), stderr: '' });
    expect((await bed.ok('logs', 'first')).length).toBe(500_050);
  });

  test('logs are read, bounded, stamped and followed to the end', async () => {
    const record = await bed.create('logged');
    const { probe, end } = await start(record, 100);
    await expect.poll(async () => await bed.ok('logs', 'logged')).toBe(linesOf(100).toString());
    expect(await bed.ok('logs', '-n', '2', 'logged')).toBe('000000008\n000000009\n');
    expect(await bed.ok('logs', '-t', '-n', '1', 'logged')).toMatch(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{9}Z 000000009\n$/);
    const followed = bed.docker(['logs', '-f', 'logged']);
    probe.emit(20);
    await end(0);
    expect(await followed).toEqual({ code: 0, stdout: linesOf(120).toString(), stderr: '' });
    expect(await bed.ok('logs', 'logged')).toBe(linesOf(120).toString());
  });

  test('one that attaches later has what is written from then on', async () => {
    const record = await bed.create('later');
    const { probe, end } = await start(record, 100);
    await expect.poll(async () => await bed.ok('logs', 'later')).toBe(linesOf(100).toString());
    const attached = bed.docker(['attach', '--no-stdin', 'later']);
    const resized = await fetch(`http://${bed.rig.address}/containers/later/resize?h=10&w=20`, { method: 'POST' });
    expect(resized.status).toBe(200);
    await expect
      .poll(async () => {
        probe.emit(10);
        return (await bed.ok('logs', '-n', '1', 'later')).length;
      })
      .toBe(10);
    await end(7);
    const ran = await attached;
    expect(ran.code).toBe(7);
    expect(linesOf(100).toString()).not.toContain(ran.stdout.slice(0, 10) || 'nothing');
  });

  test('a container whose guest nobody has heard of says so', async () => {
    const record = await bed.create('silent');
    await bed.put({ ...record, state: 'running', run: { ...record.run, startedAt: new Date().toISOString() } });
    expect(await bed.docker(['exec', 'silent', 'true'])).toMatchObject({
      code: 126,
      stdout: expect.stringContaining('no gateway has the guest of container'),
    });
    expect(await bed.refused('top', 'silent')).toContain('no gateway has the guest of container');
    expect(await bed.ok('logs', 'silent')).toBe('');
  });
});
