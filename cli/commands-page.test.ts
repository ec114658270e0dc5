import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commandsOf, lineOf, renderCommandsPage } from './commands-page.ts';
import { silentIo } from './io.ts';
import { createProgram } from './program.ts';

const root = createProgram({ io: silentIo(), version: '0', end: () => undefined });
const page = readFileSync(join(import.meta.dirname, '..', 'docs', 'cli.md'), 'utf8');

test('docs/cli.md has every command and exit code as they are (else: npm run docs)', () => {
  expect(page).toBe(renderCommandsPage(page));
});

/** Words of a command line, as far as they can be commands. */
const isCommandLine = (words: readonly string[]): boolean => {
  let at: { readonly commands: typeof root.commands } = root;
  for (const word of words) {
    const next = at.commands.find((each) => each.name() === word);
    if (next === undefined) return at.commands.length === 0;
    at = next;
  }
  return true;
};

test('every example in docs/cli.md is a command that there is', () => {
  const lines = [...page.matchAll(/^(?:.*?[$(] ?\(?)?stowage ([a-z][^#|)\n]*)/gm)].map(([, line = '']) => line);
  const wordsOf = (line: string): string[] => line.split(/\s+/).filter((word) => /^[a-z]+$/.test(word));
  expect(lines.length).toBeGreaterThan(20);
  expect(lines.filter((line) => !isCommandLine(wordsOf(line).slice(0, 2)))).toEqual([]);
});

test('every command says what it does, and no two options of one clash', () => {
  for (const command of commandsOf(root)) {
    expect(command.description(), lineOf(command)).not.toBe('');
    const flags = command.options.flatMap(({ short, long }) =>
      [short, long].filter((each) => each !== undefined && each !== null),
    );
    expect(flags, lineOf(command)).toEqual([...new Set(flags)]);
  }
});
