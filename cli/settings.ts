import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { Failure, usageFailure } from './failure.ts';
import type { Io } from './io.ts';

// Where the API is and who asks: options first, then the environment, then the context of the configuration file.

const DEFAULT_URL = 'http://127.0.0.1:8080';

const contextSchema = z.strictObject({
  url: z.string(),
  keyFile: z.string().optional(),
  caFile: z.string().optional(),
});
const fileSchema = z.strictObject({
  current: z.string().optional(),
  contexts: z.record(z.string(), contextSchema).default({}),
});
export type ConfigFile = z.infer<typeof fileSchema>;

export interface Connection {
  readonly url: URL;
  readonly key?: string;
  /** Where the key came from, for people. */
  readonly keySource?: string;
  readonly ca?: string;
  readonly context?: string;
}

export interface ConnectionOptions {
  readonly url?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly caFile?: string | undefined;
  readonly context?: string | undefined;
}

export function configPath(env: Io['env']): string {
  const stated = env['STOWAGE_CONFIG'];
  if (stated !== undefined && stated !== '') return stated;
  return join(env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config'), 'stowage', 'config.json');
}

/** @throws Failure usage, for a file that is not valid */
export function readConfig(env: Io['env']): ConfigFile {
  const path = configPath(env);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { contexts: {} };
    throw usageFailure(`${path} cannot be read: ${messageOf(error)}`);
  }
  try {
    return fileSchema.parse(JSON.parse(text));
  } catch (error) {
    throw usageFailure(`${path} is not a valid configuration: ${messageOf(error)}`, 'Correct it, or move it away.');
  }
}

/** Whole or not at all: a crash leaves the file that was there. */
export function writeConfig(env: Io['env'], config: ConfigFile): void {
  const path = configPath(env);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.new`, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** @throws Failure usage */
export function readConnection(options: ConnectionOptions, env: Io['env']): Connection {
  const config = readConfig(env);
  const name = options.context ?? (env['STOWAGE_CONTEXT'] || config.current);
  const context = name === undefined ? undefined : config.contexts[name];
  if (name !== undefined && context === undefined) {
    throw usageFailure(`there is no context ${name} in ${configPath(env)}`, 'See `stowage context list`.');
  }
  // A context that was asked for by name goes before the environment, or it could not be asked for.
  const stated = options.context === undefined ? env['STOWAGE_URL'] || context?.url : context?.url;
  const url = parseUrl(options.url ?? stated ?? DEFAULT_URL);
  const caFile = options.caFile ?? (env['STOWAGE_CA_FILE'] || context?.caFile);
  return {
    url,
    ...keyOf(options, env, context?.keyFile),
    ...(caFile === undefined ? {} : { ca: readText(caFile, 'the CA file') }),
    ...(name === undefined ? {} : { context: name }),
  };
}

function keyOf(
  { keyFile, context }: ConnectionOptions,
  env: Io['env'],
  ofContext: string | undefined,
): Pick<Connection, 'key' | 'keySource'> {
  const fromFile = (path: string): Pick<Connection, 'key' | 'keySource'> => ({
    key: readText(path, 'the key file').trim(),
    keySource: path,
  });
  if (keyFile !== undefined) return fromFile(keyFile);
  if (context !== undefined && ofContext !== undefined) return fromFile(ofContext);
  const key = env['STOWAGE_API_KEY'];
  if (key !== undefined && key !== '') return { key, keySource: 'STOWAGE_API_KEY' };
  const path = env['STOWAGE_API_KEY_FILE'] || ofContext;
  return path === undefined ? {} : fromFile(path);
}

/** @throws Failure usage */
export function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw usageFailure(
      `${text} is not the address of an API`,
      'It is like https://stowage.example.com or http://127.0.0.1:8080.',
    );
  }
  // A base for relative paths, whether or not it was written with a slash.
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  url.search = '';
  url.hash = '';
  return url;
}

function readText(path: string, what: string): string {
  try {
    return readFileSync(path.replace(/^~(?=\/)/, homedir()), 'utf8');
  } catch (error) {
    throw new Failure('usage', `${what} ${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
