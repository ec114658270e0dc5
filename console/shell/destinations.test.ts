import { expect, test } from 'vitest';
import { destinationsOf } from './destinations.ts';

const hrefs = (text: string): readonly string[] => destinationsOf(text).map(({ href }) => href);

test('what names one thing leads there alone', () => {
  expect(hrefs('01m8kgtppjy1fm5jysfhpcqeny')).toEqual(['/console/jobs/01m8kgtppjy1fm5jysfhpcqeny']);
  expect(hrefs(' job:01M8KGTPPJY1FM5JYSFHPCQENY ')).toEqual(['/console/jobs/01m8kgtppjy1fm5jysfhpcqeny']);
  expect(hrefs('volume:demo vol')).toEqual(['/console/volumes/demo%20vol']);
});

test('words lead to the jobs that have them, then to places, then to things of that name', () => {
  expect(hrefs('dead')).toEqual([
    '/console/jobs?text=dead',
    '/console/dead-letters',
    '/console/volumes/dead',
    '/console/containers/dead',
    '/console/hosts/dead',
  ]);
  expect(hrefs('is not there')).toEqual(['/console/jobs?text=is+not+there']);
  expect(hrefs('  ')).toEqual([]);
});

test('places that are for admins only are for admins only', () => {
  expect(hrefs('audit')).not.toContain('/console/audit');
});
