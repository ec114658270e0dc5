import { readFileSync } from 'node:fs';
import type { Setting } from './setting.ts';
import { type SettingName, SETTINGS, type SettingValues } from './settings.ts';

// The variables of an environment, read by the table of settings.

export interface ConfigFault {
  readonly name: string;
  readonly problem: string;
  readonly example?: string;
}

/** All that is wrong with the environment, in one message; no value of a secret is in it. */
export class ConfigError extends Error {
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    const lines = faults.map(
      ({ name, problem, example }) =>
        `  ${name} ${problem}${example === undefined ? '' : `\n      example: ${name}='${example}'`}`,
    );
    super(`The configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${lines.join('\n')}`);
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;
export type ReadText = (path: string) => string;

const MOST_TYPOS = 4;
/** Kubernetes puts these beside any service named `stowage`: they are not typing errors. */
const SERVICE_LINK = /^STOWAGE_(?:\w+_)?(?:SERVICE_(?:HOST|PORT)(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP)\w*)?)$/;

/** Of the `stowage` command (cli/settings.ts), whose user may start a process in the same shell. */
const OF_THE_COMMAND: readonly string[] = ['STOWAGE_URL', 'STOWAGE_CA_FILE', 'STOWAGE_CONTEXT', 'STOWAGE_CONFIG'];

export function readTextFile(path: string): string {
  return readFileSync(path, 'utf8');
}

/** @throws {ConfigError} with every fault, also the names in `needs` that are not set */
export function valuesOf(env: Environment, readText: ReadText, needs: readonly SettingName[]): SettingValues {
  const faults: ConfigFault[] = unknownNames(env);
  const values: Partial<Record<SettingName, unknown>> = {};
  for (const [name, setting] of settings()) {
    const read = readSetting({ name, setting, env, readText });
    if ('fault' in read) faults.push(read.fault);
    else if (read.value !== undefined) values[name] = read.value;
    else if (needs.includes(name)) faults.push(faultOf(name, 'is not set'));
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return values as SettingValues;
}

interface Reading {
  readonly name: SettingName;
  readonly setting: Setting;
  readonly env: Environment;
  readonly readText: ReadText;
}

function readSetting({ name, setting, env, readText }: Reading): { value: unknown } | { fault: ConfigFault } {
  const fileName = `${name}_FILE`;
  const file = setting.mayBeFile ? env[fileName] : undefined;
  let text = env[name] || undefined;
  if (file && text) return { fault: faultOf(name, `and ${fileName} are both set: leave one of them out`) };
  if (file) {
    const read = readNamed(fileName, file, readText);
    if ('fault' in read) return read;
    text = read.text.trim();
  }
  text ??= setting.fallback;
  if (text === undefined) return { value: undefined };
  const result = setting.schema.safeParse(text.trim());
  if (result.success) {
    const fault = setting.isCertificate ? certificateFault(name, text.trim(), readText) : undefined;
    return fault === undefined ? { value: result.data } : { fault };
  }
  const problem = result.error.issues.map((issue) => issue.message).join('; ');
  const shown = setting.isSecret ? '' : `, and is ${JSON.stringify(text.replace(/\/\/[^@]*@/, '//[secret]@'))}`;
  return { fault: faultOf(file ? fileName : name, `${problem}${shown}`, setting.example) };
}

function readNamed(name: string, file: string, readText: ReadText): { text: string } | { fault: ConfigFault } {
  try {
    return { text: readText(file) };
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    return { fault: { name, problem: `names a file that cannot be read: ${file} (${reason})` } };
  }
}

function certificateFault(name: string, file: string, readText: ReadText): ConfigFault | undefined {
  const read = readNamed(name, file, readText);
  if ('fault' in read) return read.fault;
  if (read.text.includes('-----BEGIN CERTIFICATE-----')) return undefined;
  return { name, problem: `names a file without a PEM certificate: ${file}` };
}

function settings(): readonly (readonly [SettingName, Setting])[] {
  return Object.entries(SETTINGS) as [SettingName, Setting][];
}

export function faultOf(name: string, problem: string, example?: string): ConfigFault {
  const known = settings().find(([each]) => each === name);
  const shown = example ?? known?.[1].example;
  return { name, problem, ...(shown === undefined ? {} : { example: shown }) };
}

/** The names that the environment may have, `…_FILE` included. */
function settingNames(): readonly string[] {
  return settings().flatMap(([name, setting]) => (setting.mayBeFile ? [name, `${name}_FILE`] : [name]));
}

function unknownNames(env: Environment): ConfigFault[] {
  const known = settingNames();
  const others = [...known, ...OF_THE_COMMAND];
  return Object.keys(env)
    .filter((name) => name.startsWith('STOWAGE_') && env[name] && !others.includes(name) && !SERVICE_LINK.test(name))
    .map((name) => ({ name, problem: `is not a setting${suggestion(name, known)}` }));
}

function suggestion(name: string, known: readonly string[]): string {
  const ranked = known
    .map((other) => ({ other, distance: editDistance(name, other) }))
    .sort((a, b) => a.distance - b.distance);
  const [nearest] = ranked;
  return nearest !== undefined && nearest.distance <= MOST_TYPOS ? `; did you mean ${nearest.other}?` : '';
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, charA] of a.split('').entries()) {
    const next = [i + 1];
    for (const [j, charB] of b.split('').entries()) {
      const replaced = (row[j] ?? 0) + (charA === charB ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
