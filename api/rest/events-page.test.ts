import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { renderEventsPage } from './events-page.ts';

test('docs/events.md is what the catalogue of events says (npm run docs writes it)', () => {
  const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'events.md'), 'utf8');
  expect(page).toBe(renderEventsPage());
});
