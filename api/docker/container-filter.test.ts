import { expect, test } from 'vitest';
import { digestOf, imageRecord, nameOf } from '../../jobs/image/fixtures.ts';
import { indexImages } from '../../jobs/image/naming.ts';
import { filterContainers, prunableContainers } from './container-filter.ts';
import { containerRecord, mountOf, portOf } from './container-fixtures.ts';

const base = imageRecord({ seed: 'base', names: [nameOf('busybox')], layers: ['base'] });
const child = imageRecord({ seed: 'child', names: [nameOf('app:1')], layers: ['base', 'app'] });
const images = indexImages([base, child]);
const at = (minute: number): string => `2026-11-24T09:0${minute}:00.000Z`;
const stopped = { wanted: 'stopped', restarts: 0, finishedAt: at(9), exitCode: 3 } as const;

const ALL = [
  containerRecord('one', { createdAt: at(1), spec: { labels: { team: 'a' }, mounts: [mountOf('data', '/d')] } }),
  containerRecord('two', { createdAt: at(2), state: 'exited', run: stopped, spec: { image: child.name } }),
  containerRecord('three', { createdAt: at(3), state: 'created', spec: { labels: { team: 'b' }, network: 'none' } }),
  containerRecord('four', { createdAt: at(4), state: 'paused', spec: { ports: [portOf(80, 8080), portOf(90)] } }),
  containerRecord('five', { createdAt: at(5), state: 'creating' }),
  containerRecord('six', { createdAt: at(6), state: 'recovering', spec: { image: digestOf('gone') } }),
];

function names(filters: object | undefined, query: Readonly<Record<string, string>> = { all: '1' }): readonly string[] {
  const params = new URLSearchParams({
    ...query,
    ...(filters === undefined ? {} : { filters: JSON.stringify(filters) }),
  });
  return filterContainers(params, ALL, images).map(({ called }) => called);
}

test('newest first, those that run, or all, or the last few; what is being made is not shown', () => {
  expect(names(undefined, {})).toEqual(['six', 'four', 'one']);
  expect(names(undefined)).toEqual(['six', 'four', 'three', 'two', 'one']);
  expect(names(undefined, { limit: '2' })).toEqual(['six', 'four']);
  expect(names(undefined, { limit: '-1' })).toEqual(['six', 'four', 'one']);
  expect(() => names(undefined, { limit: 'x' })).toThrow('invalid limit');
});

test.each<readonly [object, readonly string[]]>([
  [{ status: ['exited', 'created'] }, ['three', 'two']],
  [{ status: ['restarting'] }, ['six']],
  [{ exited: ['3'] }, ['two']],
  [{ name: ['/one'] }, ['one']],
  [{ name: ['^t.*'] }, ['three', 'two']],
  [{ id: [ALL[0]?.name.slice(0, 6)] }, ['one']],
  [{ label: ['team'] }, ['three', 'one']],
  [{ label: { 'team=b': true } }, ['three']],
  [{ ancestor: ['busybox'] }, ['four', 'three', 'two', 'one']],
  [{ ancestor: ['app:1'] }, ['two']],
  [{ ancestor: ['nosuch'] }, []],
  [{ before: ['three'] }, ['two', 'one']],
  [{ since: ['two'] }, ['six', 'four', 'three']],
  [{ volume: ['data', '/x'] }, ['one']],
  [{ volume: ['/d'] }, ['one']],
  [{ network: ['none'] }, ['three']],
  [{ publish: ['8000-9000'] }, ['four']],
  [{ expose: ['90/tcp'] }, ['four']],
  [{ expose: ['90/udp'] }, []],
  [{ health: ['none'] }, ['six', 'four', 'three', 'two', 'one']],
  [{ health: ['healthy'] }, []],
  [{ 'is-task': ['true'] }, []],
  [{ isolation: ['hyperv'] }, []],
])('%j finds %j', (filters, found) => {
  expect(names(filters)).toEqual(found);
});

test.each<readonly [object, string]>([
  [{ status: ['odd'] }, "invalid filter 'status=odd'"],
  [{ health: ['odd'] }, "invalid filter 'health=odd'"],
  [{ exited: ['x'] }, "invalid filter 'exited=x'"],
  [{ since: ['nosuch'] }, 'No such container: nosuch'],
  [{ publish: ['x'] }, 'invalid port: "x"'],
])('%j is refused', (filters, message) => {
  expect(() => names(filters)).toThrow(message);
});

test('prune takes what does not run, by label and age', () => {
  const prune = (filters: object): readonly string[] => {
    const query = new URLSearchParams({ filters: JSON.stringify(filters) });
    return prunableContainers(query, ALL, Date.parse(at(9))).map(({ called }) => called);
  };
  expect(prune({})).toEqual(['two', 'three']);
  expect(prune({ label: ['team=b'] })).toEqual(['three']);
  expect(prune({ 'label!': ['team=b'] })).toEqual(['two']);
  expect(prune({ until: ['390s'] })).toEqual(['two']);
});
