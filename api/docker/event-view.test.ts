import { expect, test } from 'vitest';
import type { EventType, StowageEvent } from '../../core/events.ts';
import { eventFilter } from './event-filter.ts';
import { type DockerEvent, renderEvent } from './event-view.ts';

const ID = 'ab'.repeat(32);

function event(type: EventType, data: StowageEvent['data'] = {}, subject = `container:${ID}`): StowageEvent {
  const shared = type.startsWith('container.') ? { name: 'web', image: 'app:1', labels: { team: 'a' } } : {};
  return { id: '1-0', time: '2026-11-24T09:00:00.250Z', type, subject, data: { ...shared, ...data } };
}

function shown(...args: Parameters<typeof event>): DockerEvent {
  const rendered = renderEvent(event(...args));
  if (rendered === undefined) throw new TypeError('no event of Docker');
  return rendered;
}

test("a container's event has its image, name and labels, also where old tools look", () => {
  expect(shown('container.started', { host: 'HostSystem:host-1' })).toEqual({
    status: 'start',
    id: ID,
    from: 'app:1',
    Type: 'container',
    Action: 'start',
    Actor: { ID, Attributes: { team: 'a', image: 'app:1', name: 'web' } },
    scope: 'local',
    time: 1_795_510_800,
    timeNano: 1_795_510_800_250_000_000,
  });
});

test.each<readonly [EventType, StowageEvent['data'], string, object]>([
  ['container.created', {}, 'create', {}],
  ['container.died', { exitCode: 137 }, 'die', { exitCode: '137' }],
  ['container.killed', { signal: 'TERM' }, 'kill', { signal: '15' }],
  ['container.renamed', { was: 'old' }, 'rename', { oldName: '/old' }],
  ['container.removed', {}, 'destroy', {}],
  ['container.recovered', { how: 'rehomed' }, 'start', {}],
])('%s %j is %s', (type, data, action, attributes) => {
  expect(shown(type, data)).toMatchObject({ Action: action, Actor: { Attributes: attributes } });
});

test('what Docker has no word for is not shown', () => {
  expect(renderEvent(event('container.recovering'))).toBeUndefined();
  // It has never stopped.
  expect(renderEvent(event('container.recovered', { how: 'adopted' }))).toBeUndefined();
});

const EVENTS = {
  container: shown('container.started'),
  image: shown('image.tagged', { name: 'docker.io/library/app:1' }, 'image:sha256:1'),
  volume: shown('volume.created', {}, 'volume:data'),
};

test.each<readonly [object, readonly (keyof typeof EVENTS)[]]>([
  [{}, ['container', 'image', 'volume']],
  [{ container: ['web'] }, ['container']],
  [{ container: [ID.slice(0, 12)] }, ['container']],
  [{ container: ['other'] }, []],
  [{ image: ['app'] }, ['container', 'image']],
  [{ image: ['app:1'], container: ['other'] }, ['image']],
  [{ volume: ['data'] }, ['volume']],
  [{ network: ['bridge'] }, []],
  [{ type: ['container'] }, ['container']],
  [{ event: ['start', 'create'] }, ['container', 'volume']],
  [{ label: ['team=a'] }, ['container']],
])('%j shows events of %j', (filters, expected) => {
  const fits = eventFilter(new URLSearchParams({ filters: JSON.stringify(filters) }));
  const found = Object.entries(EVENTS).filter(([, each]) => fits(each));
  expect(found.map(([name]) => name)).toEqual(expected);
});
