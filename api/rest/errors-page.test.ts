import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { renderErrorsPage } from './errors-page.ts';

test('docs/errors.md is what the catalogue of errors says (npm run docs writes it)', () => {
  const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'errors.md'), 'utf8');
  expect(page).toBe(renderErrorsPage());
});
