import { afterAll, beforeAll, expect, it } from 'vitest';
import { explainEventData } from '../../core/event-data.ts';
import type { EventType, StowageEvent } from '../../core/events.ts';
import { type ContainerSystem, startContainerSystem } from '../harness/container-system.ts';

// The catalogue of events (docs/events.md, /v1/event-types) against what really happens.

let system: ContainerSystem;
beforeAll(async () => {
  system = await startContainerSystem();
}, 240_000);
afterAll(() => system.close());

async function allEvents(): Promise<readonly StowageEvent[]> {
  const events: StowageEvent[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await system.store.events.list({ limit: 200, ...(cursor === undefined ? {} : { cursor }) });
    events.push(...page.items);
    if (page.next === undefined) return events;
    cursor = page.next;
  }
}

it('every event that happens has the data that the catalogue says', async () => {
  await system.succeed('volume.create', { name: 'demo_vol' });
  await system.succeed('volume.expand', { name: 'demo_vol', capacity: '2GB' });
  await system.succeed('volume.clone', { name: 'copied', source: 'demo_vol' });
  await system.runContainer('demo', { mounts: [{ volume: 'demo_vol', destination: '/vol' }], labels: { a: 'b' } });
  for (const kind of ['container.pause', 'container.unpause', 'container.restart', 'container.kill', 'container.start'])
    await system.succeed(kind, { container: 'demo' });
  await system.succeed('container.rename', { container: 'demo', name: 'other' });
  await system.succeed('container.update', { container: 'other', restart: { name: 'no' } });
  const refused = await system.run('volume.remove', { name: 'demo_vol' });
  expect(refused.state).toBe('dead');
  await system.store.jobs.redrive(refused.id, 'test');
  await system.end(refused.id);
  await system.store.jobs.discard(refused.id, 'test', 'it is in use');
  await system.succeed('container.stop', { container: 'other' });
  await system.succeed('container.remove', { container: 'other' });
  await system.succeed('volume.remove', { name: 'copied' });
  const [image] = (await system.store.records.list('image', { limit: 1 })).items;
  const id = image?.record.name ?? '';
  await system.succeed('image.tag', { image: id, reference: 'again:latest' });
  await system.succeed('image.remove', { image: id, force: true });
  const events = await allEvents();
  expect([...new Set(events.flatMap(explainEventData))]).toEqual([]);
  const met = new Set(events.map(({ type }) => type));
  const wanted: readonly EventType[] = [
    'job.submitted',
    'job.started',
    'job.awaiting',
    'job.succeeded',
    'job.dead',
    'job.redriven',
    'job.discarded',
    'volume.created',
    'volume.attached',
    'volume.detached',
    'volume.expanded',
    'volume.removed',
    'layer.pulled',
    'layer.removed',
    'image.pulled',
    'image.tagged',
    'image.untagged',
    'image.removed',
    'container.created',
    'container.started',
    'container.paused',
    'container.unpaused',
    'container.killed',
    'container.died',
    'container.renamed',
    'container.updated',
    'container.removed',
    'host.changed',
    'store.changed',
  ];
  expect(wanted.filter((type) => !met.has(type))).toEqual([]);
});
