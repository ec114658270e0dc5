import type { Setting } from './setting.ts';
import { SETTINGS } from './settings.ts';

// The Helm chart's schema of values: which settings and secrets may be given comes from the table of settings, the rest is written by hand.

/** The chart's own business, or that of the lab: addresses that its services and probes rely on, folders that it mounts, files of its secrets. */
const NOT_VALUES: readonly (string | RegExp)[] = [
  /^STOWAGE_LAB_/,
  /_LISTEN$/,
  /^STOWAGE_DOCKER_(?:CERT|KEY|CA)_FILE$/,
  'STOWAGE_DATA_DIR',
  'STOWAGE_WORKERS',
  'STOWAGE_SPOOL_DIR',
  'STOWAGE_GATEWAY_DIR',
  'STOWAGE_GATEWAY_URI',
  'STOWAGE_GATEWAY_FACE_URL',
  'STOWAGE_REGISTRY_AUTH_FILE',
  'STOWAGE_LAYERDISK',
  'STOWAGE_MOVER',
];

interface ChartSchema {
  readonly properties: { readonly secrets: object };
  readonly definitions: { readonly settings: object };
}

/** @param text the schema as it is; only the two lists of names in it are replaced */
export function renderChartSchema(text: string): string {
  const schema = JSON.parse(text) as ChartSchema;
  const all: readonly (readonly [string, Setting])[] = Object.entries(SETTINGS);
  const secrets = all.filter(([, setting]) => setting.isSecret).map(([name]) => name);
  const plain = all.filter(([name, setting]) => !setting.isSecret && !NOT_VALUES.some((each) => fits(name, each)));
  const properties = Object.fromEntries(
    plain.map(([name, { description }]) => [name, { description, $ref: '#/definitions/value' }]),
  );
  const rendered = {
    ...schema,
    properties: { ...schema.properties, secrets: { ...schema.properties.secrets, propertyNames: { enum: secrets } } },
    definitions: { ...schema.definitions, settings: { ...schema.definitions.settings, properties } },
  };
  return `${onOneLine(JSON.stringify(rendered, undefined, 2))}\n`;
}

function fits(name: string, pattern: string | RegExp): boolean {
  return typeof pattern === 'string' ? name === pattern : pattern.test(name);
}

const LINE_WIDTH = 120;

/** Lists of words that fit a line, as the formatter has them. */
function onOneLine(json: string): string {
  return json.replaceAll(
    /^(.*)\[\n\s+("[^[\]{}]*")\n\s+\](,?)$/gm,
    (whole, before: string, items: string, comma: string) => {
      const line = `${before}[${items.split(/,\n\s+/).join(', ')}]${comma}`;
      return line.length <= LINE_WIDTH ? line : whole;
    },
  );
}
