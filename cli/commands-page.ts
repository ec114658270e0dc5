import type { Command, Option } from 'commander';
import { EXITS } from './failure.ts';
import { createProgram } from './program.ts';
import { silentIo } from './io.ts';

// The lists in docs/cli.md; what stands around them is written by hand.

const MARKS = {
  exits: '<!-- The exit codes of cli/failure.ts, written by `npm run docs` -->',
  commands: '<!-- The commands of cli/program.ts, written by `npm run docs` -->',
  end: '<!-- The end of the list -->',
} as const;

/** The page with the lists as the code has them. @throws TypeError for a page without the marks */
export function renderCommandsPage(page: string): string {
  const withExits = between(page, MARKS.exits, exitRows());
  return between(withExits, MARKS.commands, commandSections());
}

function between(page: string, mark: string, text: string): string {
  const begin = page.indexOf(mark);
  const end = page.indexOf(MARKS.end, begin);
  if (begin < 0 || end < 0) throw new TypeError(`docs/cli.md lacks the marks ${mark}`);
  return `${page.slice(0, begin)}${mark}\n\n${text}\n${page.slice(end)}`;
}

function exitRows(): string {
  const rows = Object.values(EXITS).map(({ code, meaning }) => `| ${code} | ${meaning} |`);
  return `| code | |\n|---|---|\n${rows.join('\n')}\n`;
}

/** Every command in the order of the helps, without those that are nothing for people. */
export function commandsOf(root: Command): readonly Command[] {
  const shown = root.createHelp().visibleCommands(root);
  return shown
    .filter((each) => each.name() !== 'help')
    .flatMap((each) => (each.commands.length > 0 ? commandsOf(each) : [each]));
}

function commandSections(): string {
  const root = createProgram({ io: silentIo(), version: '0', end: () => undefined });
  const sections = Map.groupBy(commandsOf(root), (command) =>
    command.parent === root ? 'Others' : nameOf(command.parent),
  );
  const texts = [...sections].map(([title, commands]) => {
    const rows = commands.map(
      (command) => `| \`${lineOf(command)}\` | ${escaped(command.description())}${optionsOf(command)} |`,
    );
    return `**${title}**\n\n| command | |\n|---|---|\n${rows.join('\n')}\n`;
  });
  return texts.join('\n');
}

function nameOf(command: Command | null): string {
  const name = command?.name() ?? '';
  return `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;
}

/** `volume create <name>`. */
export function lineOf(command: Command): string {
  const path: string[] = [];
  for (let at: Command | null = command; at !== null && at.parent !== null; at = at.parent) path.unshift(at.name());
  const args = command.registeredArguments.map((each) => {
    const name = `${each.name()}${each.variadic ? '...' : ''}`;
    return each.required ? `<${name}>` : `[${name}]`;
  });
  return [...path, ...args].join(' ');
}

/** The names of its own; those that every command has are told once, above, and `--help` tells what each is for. */
function optionsOf(command: Command): string {
  const own = command.options.filter((each: Option) => each.helpGroupHeading === undefined);
  return own.length === 0 ? '' : `<br>${own.map(({ long, flags }) => `\`${long ?? flags}\``).join(' ')}`;
}

function escaped(text: string): string {
  return text.replaceAll('|', String.raw`\|`);
}
