import { StowageError } from '../../core/errors.ts';

const FALSE: ReadonlySet<string> = new Set(['', '0', 'no', 'false', 'none']);

/** As moby reads them: anything but these few words is true. */
export function flagOf(query: URLSearchParams, name: string, fallback = false): boolean {
  const text = query.get(name);
  return text === null ? fallback : !FALSE.has(text.trim().toLowerCase());
}

/** The values that were asked for, by the filter's name. */
export type Filters = ReadonlyMap<string, readonly string[]>;

/**
 * Reads `filters` in both spellings: `{"label":{"a=b":true}}` as the CLI sends it, `{"label":["a=b"]}` as SDKs do.
 *
 * @throws StowageError `request-invalid` with dockerd's text for what is no filter, or not one of `known`
 */
export function filtersOf(query: URLSearchParams, known: readonly string[]): Filters {
  const text = query.get('filters');
  if (text === null || text === '') return new Map();
  const filters = new Map<string, readonly string[]>();
  for (const [name, values] of Object.entries(objectOf(parse(text), text))) {
    if (!known.includes(name)) throw invalidFilter(name);
    filters.set(name, valuesOf(values, text));
  }
  return filters;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalidFilter(text, cause);
  }
}

function objectOf(value: unknown, text: string): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalidFilter(text);
  return value;
}

function valuesOf(value: unknown, text: string): readonly string[] {
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
  const flags = Object.entries(objectOf(value, text));
  if (Array.isArray(value) || flags.some(([, flag]) => typeof flag !== 'boolean')) throw invalidFilter(text);
  return flags.filter(([, flag]) => flag === true).map(([name]) => name);
}

function invalidFilter(text: string, cause?: unknown): StowageError {
  return new StowageError('request-invalid', `Invalid filter '${text}'`, cause === undefined ? {} : { cause });
}

/** A filter that is yes or no. undefined: it was not asked for. @throws `request-invalid` */
export function flagFilter(filters: Filters, name: string): boolean | undefined {
  const values = filters.get(name) ?? [];
  if (values.length === 0) return undefined;
  const flags = new Set(values.map((value) => readFlag(name, value)));
  if (flags.size > 1) throw new StowageError('request-invalid', `Invalid filter '${name}=${values.join(', ')}'`);
  return flags.has(true);
}

function readFlag(name: string, value: string): boolean {
  if (['1', 't', 'true'].includes(value.toLowerCase())) return true;
  if (['0', 'f', 'false'].includes(value.toLowerCase())) return false;
  throw new StowageError('request-invalid', `Invalid filter '${name}=${value}'`);
}

/** Whether the labels have every `key` or `key=value` that the filter names. */
export function hasLabels(labels: Readonly<Record<string, string>>, wanted: readonly string[] = []): boolean {
  return wanted.every((each) => hasLabel(labels, each));
}

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const at = wanted.indexOf('=');
  const key = at === -1 ? wanted : wanted.slice(0, at);
  return Object.hasOwn(labels, key) && (at === -1 || labels[key] === wanted.slice(at + 1));
}
