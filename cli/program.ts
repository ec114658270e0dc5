import { Command, CommanderError } from 'commander';
import type { Program } from './command.ts';
import { completionCommands } from './commands/completion.ts';
import { containerCommands } from './commands/containers.ts';
import { contextCommands } from './commands/contexts.ts';
import { deadCommands } from './commands/dead.ts';
import { doctorCommand } from './commands/doctor.ts';
import { eventCommands } from './commands/events.ts';
import { hostCommands, watchedCommands } from './commands/hosts.ts';
import { imageCommands } from './commands/images.ts';
import { jobCommands } from './commands/jobs.ts';
import { keyCommands } from './commands/keys.ts';
import { overviewCommand } from './commands/overview.ts';
import { versionCommand } from './commands/version.ts';
import { volumeCommands } from './commands/volumes.ts';
import { webhookCommands } from './commands/webhooks.ts';
import { type Exit, EXITS } from './failure.ts';
import type { Io } from './io.ts';

const NOUNS: readonly ((parent: Command, program: Program) => void)[] = [
  overviewCommand,
  jobCommands,
  deadCommands,
  volumeCommands,
  imageCommands,
  containerCommands,
  hostCommands,
  watchedCommands,
  webhookCommands,
  keyCommands,
  eventCommands,
  doctorCommand,
  contextCommands,
  versionCommand,
  completionCommands,
];

/** The whole tree of commands. Nothing is read or sent before one of them runs. */
export function createProgram(program: Program): Command {
  const { io, version } = program;
  const root = new Command('stowage')
    .description('Storage and containers on vSphere: what operators do, from a shell.')
    .version(version, '-V, --version', 'the version of this command')
    .helpOption('-h, --help', 'this help')
    .helpCommand('help [command]', 'help for a command')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: io.writeOut,
      writeErr: io.writeErr,
      getOutHelpWidth: io.outColumns,
      getErrHelpWidth: io.errColumns,
      outputError: (text, write) => write(text.replace(/^error: /, 'stowage: ')),
    })
    .showHelpAfterError('  `stowage help`, or --help after a command, tells what there is.')
    .addHelpText('after', exitText());
  for (const add of NOUNS) add(root, program);
  return root;
}

export async function runProgram(argv: readonly string[], io: Io, version: string): Promise<Exit> {
  let exit: Exit = 'ok';
  const root = createProgram({ io, version, end: (reached) => (exit = reached) });
  try {
    await root.parseAsync(argv, { from: 'user' });
    return exit;
  } catch (error) {
    // commander has said what there is to say. Help that was not asked for is a command line that lacks something.
    if (error instanceof CommanderError)
      return error.exitCode === 0 && error.code !== 'commander.help' ? 'ok' : 'usage';
    throw error;
  }
}

function exitText(): string {
  const rows = Object.values(EXITS).map(({ code, meaning }) => `  ${String(code).padEnd(5)}${meaning}`);
  return `\nExit codes:\n${rows.join('\n')}\n`;
}
