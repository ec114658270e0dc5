import { readFileSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import packageJson from '../package.json' with { type: 'json' };
import { SETTINGS } from '../platform/settings.ts';
import { DASHBOARD, RULES } from '../test/harness/monitoring.ts';

// The Helm chart: what can be known of it without Helm. What Helm makes of it is in chart-rendered.test.ts.

const root = join(import.meta.dirname, '..');
const chart = join(root, 'deploy/helm/stowage');
const read = (path: string): string => readFileSync(join(chart, path), 'utf8');
const templates = readdirSync(join(chart, 'templates')).map((name) => ({ name, text: read(join('templates', name)) }));
const allTemplates = templates.map(({ text }) => text).join('\n');
const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
const values = parse(read('values.yaml')) as Tree;

interface Tree {
  readonly [name: string]: unknown;
}
interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: false | Schema;
}
const schema = JSON.parse(read('values.schema.json')) as Schema & {
  readonly definitions: Readonly<Record<string, Schema>>;
};

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function resolved({ allOf = [], ...each }: Schema): Schema {
  const target = each.$ref === undefined ? each : schema.definitions[each.$ref.replace('#/definitions/', '')];
  return [target ?? {}, ...allOf]
    .map((part) => (part === each ? each : resolved(part)))
    .reduce((a, b) => ({ ...b, ...a }));
}

/** Where values and their schema disagree: keys that one has and the other has not, and values of another type. */
function disagreements(value: unknown, wanted: Schema, path = ''): readonly string[] {
  const { properties = {}, additionalProperties, type, enum: words } = resolved(wanted);
  if (words !== undefined) return words.includes(value) ? [] : [`${path} is none of ${words.join(', ')}`];
  const own = Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value;
  if (type !== undefined && ![type].flat().includes(own)) return [`${path} is of the type ${own}`];
  if (!isTree(value)) return [];
  return Object.entries(value).flatMap(([name, each]) => {
    const rest = isTree(additionalProperties) ? additionalProperties : undefined;
    const inner = properties[name] ?? rest;
    if (inner !== undefined) return disagreements(each, inner, `${path}.${name}`);
    return additionalProperties === false ? [`${path}.${name} is not in the schema`] : [];
  });
}

function leavesOf(value: unknown, path: readonly string[] = []): readonly string[] {
  if (!isTree(value) || Object.keys(value).length === 0) return [path.join('.')];
  return Object.entries(value).flatMap(([name, each]) => leavesOf(each, [...path, name]));
}

describe('the chart', () => {
  test('has the version of the product, its rules and its dashboard', () => {
    expect(parse(read('Chart.yaml'))).toMatchObject({ name: 'stowage', appVersion: packageJson.version });
    for (const path of [RULES, DASHBOARD])
      expect(realpathSync(join(chart, 'files', path.split('/').at(-1) ?? ''))).toBe(join(root, path));
  });

  test('values and their schema agree', () => {
    expect(disagreements(values, schema)).toEqual([]);
    expect(disagreements({ ...values, apis: {} }, schema)).toEqual(['.apis is not in the schema']);
    const undefaulted = Object.entries(schema.properties ?? {})
      .filter(([name]) => name !== 'global')
      .flatMap(([name, each]) => leavesOfSchema(each, name));
    const given = leavesOf(values);
    expect(undefaulted.filter((leaf) => !given.some((each) => each === leaf || each.startsWith(`${leaf}.`)))).toEqual(
      [],
    );
  });

  test('every value is used by a template, and templates use no other', () => {
    const used = new Set(
      [...allTemplates.matchAll(/\.Values((?:\.[A-Za-z]\w*)+)/g)].map(([, path = '']) => path.slice(1)),
    );
    // Parts that are given names in the templates.
    for (const [, name = '', path = ''] of allTemplates.matchAll(/\$(\w+) := \.Values((?:\.\w+)+)/g))
      for (const [, rest = ''] of allTemplates.matchAll(new RegExp(`\\$${name}((?:\\.\\w+)+)`, 'g')))
        used.add(`${path.slice(1)}${rest}`);
    for (const process of ['api', 'workers', 'gateway'])
      for (const [, rest = ''] of read('templates/_pod.tpl').matchAll(/\.values((?:\.\w+)+)/g))
        used.add(`${process}${rest}`);
    const known = leavesOf(values);
    const isKnown = (path: string): boolean => known.some((leaf) => leaf === path || leaf.startsWith(`${path}.`));
    expect([...used].filter((path) => !isKnown(path))).toEqual([]);
    const isUsed = (leaf: string): boolean =>
      [...used].some(
        (path) =>
          !path.match(/^(?:api|workers|gateway|docker|ingress|monitoring)$/) &&
          (leaf === path || leaf.startsWith(`${path}.`)),
      );
    expect(known.filter((leaf) => !isUsed(leaf))).toEqual([]);
  });

  test('every variable that it sets is a setting', () => {
    const known = Object.keys(SETTINGS).flatMap((name) => [name, `${name}_FILE`]);
    const text = `${allTemplates.replaceAll(/regexMatch "[^"]*"/g, '')}\n${read('values.yaml')}`;
    const named = (text.match(/\b(?:STOWAGE|VCENTER|REDIS)_[A-Z_]*[A-Z]/g) ?? []).filter(
      (name) => !known.includes(name),
    );
    expect(named).toEqual([]);
    expect(Object.keys(values['settings'] as Tree).filter((name) => !known.includes(name))).toEqual([]);
    expect(Object.keys(values['secrets'] as Tree).filter((name) => !known.includes(name))).toEqual([]);
  });

  test('ports, folders and the user are those of the image', () => {
    const exposed = /^EXPOSE (.+)$/m.exec(dockerfile)?.[1]?.split(' ') ?? [];
    const ports = [...allTemplates.matchAll(/containerPort: (\d+)/g)].map(([, port = '']) => port);
    expect(ports.toSorted()).toEqual(['2376', '2378', '2379', '8080', '9464']);
    for (const port of ports) expect(exposed).toContain(port);
    for (const [name, port] of [
      ['REST', 8080],
      ['WORKER', 9464],
      ['GATEWAY', 2378],
      ['GATEWAY_FACE', 2379],
    ] as const)
      expect(dockerfile).toMatch(new RegExp(`STOWAGE_${name}_LISTEN=0\\.0\\.0\\.0:${port}( |$)`, 'm'));
    for (const folder of ['spool', 'gateway']) {
      expect(allTemplates).toContain(`mountPath: /var/lib/stowage/${folder} }`);
      expect(dockerfile).toMatch(new RegExp(`STOWAGE_\\w+_DIR=/var/lib/stowage/${folder}( |$)`, 'm'));
    }
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(allTemplates).toContain('runAsUser: 1000\n');
    expect(allTemplates).toContain('readOnlyRootFilesystem: true');
  });
});

function leavesOfSchema(each: Schema, path: string): readonly string[] {
  const { properties } = resolved(each);
  const isOpen = path.endsWith('ettings') || path === 'secrets';
  if (properties === undefined || isOpen) return [path];
  return Object.entries(properties).flatMap(([name, inner]) => leavesOfSchema(inner, `${path}.${name}`));
}
