import type { ParseArgsConfig } from 'node:util';

/** What a script is told, by the names of its options. */
export type Given = Readonly<Record<string, string>>;

/** One script of `npm run bench`. */
export interface Bench {
  readonly summary: string;
  /** By name: its meaning and its default. All have a value. */
  readonly options: Readonly<Record<string, { readonly means: string; readonly default: string }>>;
  run(given: Given): Promise<void>;
}

export function parseOptionsOf(bench: Bench): NonNullable<ParseArgsConfig['options']> {
  return Object.fromEntries(
    Object.entries(bench.options).map(([name, option]) => [name, { type: 'string', default: option.default }]),
  );
}

export function number(given: Given, name: string, least = 1): number {
  return parse(given[name] ?? '', name, least);
}

/** With commas between them. */
export function numbers(given: Given, name: string, least = 1): readonly number[] {
  return (given[name] ?? '').split(',').map((text) => parse(text, name, least));
}

function parse(text: string, name: string, least: number): number {
  const value = Number(text);
  if (text === '' || !Number.isSafeInteger(value) || value < least)
    throw new RangeError(`--${name} wants whole numbers from ${least} on`);
  return value;
}
