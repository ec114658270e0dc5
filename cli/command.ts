import { type Command, Option } from 'commander';
import { z } from 'zod';
import { type Client, createClient } from './client.ts';
import { type Exit, EXITS, Failure, usageFailure } from './failure.ts';
import type { Io } from './io.ts';
import { createOutput, type Output } from './output/output.ts';
import { type Connection, readConnection } from './settings.ts';

/** What a command is run with. */
export interface Run {
  readonly io: Io;
  /** Of this command. */
  readonly version: string;
  readonly out: Output;
  readonly client: Client;
  readonly options: Options;
  /** The arguments in order; an optional one that is missing is absent. */
  readonly args: readonly string[];
  /** The argument that the command cannot be without. */
  readonly name: string;
  /** Tells a failure, and goes on: for commands with several arguments. */
  attempt(act: () => Promise<Exit | void>): Promise<Exit>;
}

/** Parsed options, asked for by their long name. */
export interface Options {
  text(name: string): string | undefined;
  flag(name: string): boolean;
  /** Of an option that may be given several times. */
  texts(name: string): readonly string[];
  /** @throws Failure usage */
  number(name: string): number | undefined;
}

export interface CommandSpec {
  /** As commander reads it: `show <name>`. */
  readonly usage: string;
  readonly summary: string;
  readonly options?: readonly Option[];
  /** Command lines without `stowage`, for its help. */
  readonly examples?: readonly string[];
  /** What the first argument names, for completion. */
  readonly completes?: string;
  readonly aliases?: readonly string[];
  /** Where `--url` means something else: what names the address of the API. */
  readonly urlOption?: string;
  /** Not for people: left out of helps. */
  readonly isHidden?: boolean;
  readonly run: (run: Run) => Promise<Exit | void>;
}

/** How commands are run; the program is one tree of them. */
export interface Program {
  readonly io: Io;
  readonly version: string;
  end(exit: Exit): void;
}

export function option(flags: string, description: string, more?: { readonly choices?: readonly string[] }): Option {
  const made = new Option(flags, description);
  return more?.choices === undefined ? made : made.choices(more.choices);
}

/** May be given several times. */
export function manyOption(flags: string, description: string): Option {
  return new Option(flags, description).default([], 'none').argParser(collect);
}

const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];

const CONNECTION = 'Connection:';
const connectionOptions = (url = '--url <url>'): Option[] => [
  new Option('--json', 'results as JSON').helpGroup(CONNECTION),
  new Option('-q, --quiet', 'no remarks on standard error').helpGroup(CONNECTION),
  new Option(url, 'the address of the REST API (STOWAGE_URL)').helpGroup(CONNECTION),
  new Option('--key-file <file>', 'where the API key is (STOWAGE_API_KEY_FILE; STOWAGE_API_KEY is the key)').helpGroup(
    CONNECTION,
  ),
  new Option('--ca-file <file>', 'the CA of the API’s certificate (STOWAGE_CA_FILE)').helpGroup(CONNECTION),
  new Option('--context <name>', 'a context of the configuration file (STOWAGE_CONTEXT)').helpGroup(CONNECTION),
];

/** Which names complete a command's first argument. */
const completions = new WeakMap<Command, string>();
export const completionOf = (command: Command): string | undefined => completions.get(command);

export function noun(parent: Command, name: string, summary: string): Command {
  return parent.command(name).description(summary).enablePositionalOptions();
}

export function addCommand(parent: Command, program: Program, spec: CommandSpec): Command {
  const command = parent.command(spec.usage, { hidden: spec.isHidden === true }).description(spec.summary);
  for (const each of [...(spec.options ?? []), ...connectionOptions(spec.urlOption)]) command.addOption(each);
  for (const alias of spec.aliases ?? []) command.alias(alias);
  if (spec.examples !== undefined) command.addHelpText('after', examplesText(spec.examples));
  if (spec.completes !== undefined) completions.set(command, spec.completes);
  command.action(async (...given: unknown[]) => {
    const args = given
      .slice(0, -2)
      .flat()
      .filter((each) => typeof each === 'string');
    program.end(await runCommand(program, spec, { args, options: command.opts() }));
  });
  return command;
}

async function runCommand(
  { io, version }: Program,
  spec: CommandSpec,
  { args, options: raw }: { readonly args: readonly string[]; readonly options: Readonly<Record<string, unknown>> },
): Promise<Exit> {
  const options = optionsOf(raw);
  const out = createOutput(io, { isJson: options.flag('json'), isQuiet: options.flag('quiet') });
  let client: Client | undefined;
  const run: Run = {
    io,
    version,
    out,
    options,
    args,
    get name() {
      return args[0] ?? '';
    },
    // Made when it is first wanted: commands that need no API do not fail on its settings.
    get client() {
      client ??= createClient(connectionOf(options, io, spec), `stowage-cli/${version}`);
      return client;
    },
    async attempt(act) {
      try {
        return (await act()) ?? 'ok';
      } catch (error) {
        if (io.interrupted.aborted && !(error instanceof Failure)) return 'interrupted';
        const failure = error instanceof z.ZodError ? notUnderstood(error) : error;
        if (!(failure instanceof Failure)) throw error;
        out.failure(failure);
        return failure.exit;
      }
    },
  };
  return await run.attempt(async () => await spec.run(run));
}

/** Its answer is JSON, and not what such a route answers. */
function notUnderstood(error: z.ZodError): Failure {
  const [issue] = error.issues;
  const where = issue === undefined || issue.path.length === 0 ? '' : ` (${issue.path.join('.')}: ${issue.message})`;
  const advice = 'Is it the REST API of Stowage, and of the version of this command? See `stowage version`.';
  return new Failure('failed', `the answer is not what was expected${where}`, {
    code: 'answer-unknown',
    advice,
    cause: error,
  });
}

function connectionOf(options: Options, { env }: Io, { urlOption }: CommandSpec): Connection {
  return readConnection(
    {
      url: options.text(urlOption === undefined ? 'url' : 'apiUrl'),
      keyFile: options.text('keyFile'),
      caFile: options.text('caFile'),
      context: options.text('context'),
    },
    env,
  );
}

function optionsOf(raw: Readonly<Record<string, unknown>>): Options {
  const text = (name: string): string | undefined => {
    const value = raw[name];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    text,
    flag: (name) => raw[name] === true,
    texts: (name) => {
      const value = raw[name];
      return Array.isArray(value) ? value.map(String) : [];
    },
    number: (name) => {
      const given = text(name);
      if (given === undefined) return undefined;
      if (!/^\d{1,12}(\.\d{1,9})?$/.test(given)) throw usageFailure(`--${kebab(name)} wants a number, not ${given}`);
      return Number(given);
    },
  };
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function examplesText(examples: readonly string[]): string {
  return `\nExamples:\n${examples.map((each) => `  stowage ${each}`).join('\n')}\n`;
}

/** For main: the number that the shell sees. */
export function exitCode(exit: Exit): number {
  return EXITS[exit].code;
}
