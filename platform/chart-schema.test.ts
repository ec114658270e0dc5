import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { renderChartSchema } from './chart-schema.ts';
import { SETTINGS } from './settings.ts';

const text = readFileSync(join(import.meta.dirname, '..', 'deploy/helm/stowage/values.schema.json'), 'utf8');

test("the chart's schema names every setting that may be given: run `npm run docs`", () => {
  expect(text).toBe(renderChartSchema(text));
});

test('every setting is a value, a secret, or set by the chart itself', () => {
  const schema = JSON.parse(text) as {
    readonly properties: { readonly secrets: { readonly propertyNames: { readonly enum: readonly string[] } } };
    readonly definitions: { readonly settings: { readonly properties: Readonly<Record<string, unknown>> } };
  };
  const named = [
    ...schema.properties.secrets.propertyNames.enum,
    ...Object.keys(schema.definitions.settings.properties),
  ];
  expect(named).toEqual(expect.arrayContaining(['VCENTER_URL', 'REDIS_URL', 'STOWAGE_PULLS', 'STOWAGE_GATEWAY_KEY']));
  expect(named.filter((name) => !(name in SETTINGS))).toEqual([]);
  expect(named).not.toContain('STOWAGE_REST_LISTEN');
});
