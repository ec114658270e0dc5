import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { renderSettingsPage } from './settings-page.ts';
import type { Setting } from './setting.ts';
import { SETTINGS } from './settings.ts';

const settings: readonly (readonly [string, Setting])[] = Object.entries(SETTINGS);

describe('docs/configuration.md', () => {
  test('is what the table of settings says (npm run docs writes it)', () => {
    const page = readFileSync(join(import.meta.dirname, '..', 'docs', 'configuration.md'), 'utf8');
    expect(page).toBe(renderSettingsPage());
  });

  test.each(settings)(
    '%s: its example and its default are values that it takes',
    (_name, { schema, example, fallback }) => {
      expect(schema.safeParse(example)).toMatchObject({ success: true });
      if (fallback !== undefined) expect(schema.safeParse(fallback)).toMatchObject({ success: true });
    },
  );
});
