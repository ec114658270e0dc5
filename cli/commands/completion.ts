import type { Command } from 'commander';
import { addCommand, completionOf, option, type Program, type Run } from '../command.ts';
import { memberAt } from '../output/table.ts';
import { readConfig } from '../settings.ts';

// The shell asks `stowage complete -- <words>` for what may come next: commands and options from the program itself, names from the API.

const SHELLS = ['bash', 'zsh', 'fish'] as const;

const SCRIPTS: Readonly<Record<(typeof SHELLS)[number], string>> = {
  bash: `# In ~/.bashrc: source <(stowage completion bash)
_stowage() {
  local IFS=$'\\n'
  # shellcheck disable=SC2207
  COMPREPLY=($(compgen -W "$(stowage complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _stowage stowage
`,
  zsh: `#compdef stowage
# In ~/.zshrc, after compinit: source <(stowage completion zsh)
_stowage() {
  local -a found
  found=("\${(@f)$(stowage complete -- "\${(@)words[2,$CURRENT]}" 2>/dev/null)}")
  (( \${#found} )) && compadd -a found || _files
}
compdef _stowage stowage
`,
  fish: `# In ~/.config/fish/completions/stowage.fish: stowage completion fish | source
function __stowage_complete
  set -l words (commandline -opc) (commandline -ct)
  stowage complete -- $words[2..-1] 2>/dev/null
end
complete -c stowage -f -a '(__stowage_complete)'
`,
};

/** Where names of a kind come from, and which member they are. */
const NAMES: Readonly<Record<string, readonly [path: string, member: string]>> = {
  volume: ['v1/volumes?limit=200', 'name'],
  image: ['v1/images?limit=200', 'names.0'],
  container: ['v1/containers?limit=200', 'name'],
  host: ['v1/hosts?limit=200', 'name'],
  store: ['v1/stores?limit=200', 'name'],
  webhook: ['v1/webhooks', 'id'],
  key: ['v1/keys', 'id'],
  kind: ['v1/kinds', 'kind'],
  job: ['v1/jobs?limit=50', 'id'],
  'dead-letter': ['v1/jobs?state=dead&limit=50', 'id'],
};
/** Nobody waits longer for a key that they pressed. */
const PATIENCE_MS = 1_500;

export function completionCommands(root: Command, program: Program): void {
  const parent = root.command('completion').description('Completion for a shell: source what it prints');
  for (const shell of SHELLS) {
    addCommand(parent, program, {
      usage: shell,
      summary: `For ${shell}`,
      run: async ({ io }) => io.writeOut(SCRIPTS[shell]),
    });
  }
  addCommand(root, program, {
    usage: 'complete [words...]',
    summary: 'What may come after these words; asked by the shell',
    isHidden: true,
    options: [option('--offline', 'ask the API for nothing')],
    run: async (run) => {
      const candidates = await complete(run, root);
      if (candidates.length > 0) run.io.writeOut(`${candidates.join('\n')}\n`);
    },
  });
}

async function complete(run: Run, root: Command): Promise<readonly string[]> {
  const words = run.args.length === 0 ? [''] : run.args;
  const current = words.at(-1) ?? '';
  const { command, rest } = commandAt(root, words.slice(0, -1));
  const before = words.at(-2);
  const wanting = command.options.find(
    (each) => before !== undefined && (each.long === before || each.short === before),
  );
  if (wanting?.required === true) return fitting(wanting.argChoices ?? (await optionNames(run, wanting.long)), current);
  if (current.startsWith('-')) return fitting(optionsOf(command), current);
  const names = command.commands.map((each) => each.name()).filter((name) => name !== 'complete');
  if (names.length > 0 && rest === 0) return fitting(names, current);
  return fitting(await namesOf(run, completionOf(command)), current);
}

/** The command that the words name, and how many words are its own. */
function commandAt(root: Command, words: readonly string[]): { readonly command: Command; readonly rest: number } {
  let command = root;
  let rest = 0;
  for (const word of words) {
    const next = command.commands.find((each) => each.name() === word || each.aliases().includes(word));
    if (next !== undefined && rest === 0) command = next;
    else if (!word.startsWith('-')) rest += 1;
  }
  return { command, rest };
}

function optionsOf(command: Command): readonly string[] {
  return [...command.options.map(({ long, short }) => long ?? short ?? ''), '--help'];
}

async function optionNames(run: Run, long: string | null | undefined): Promise<readonly string[]> {
  const kinds: Readonly<Record<string, string>> = {
    '--store': 'store',
    '--kind': 'kind',
    '--host': 'host',
    '--clone-from': 'volume',
  };
  if (long === '--context') return await namesOf(run, 'context');
  return await namesOf(run, kinds[long ?? '']);
}

async function namesOf({ io, client, options }: Run, kind: string | undefined): Promise<readonly string[]> {
  if (kind === 'context') return Object.keys(readConfig(io.env).contexts);
  const source = kind === undefined ? undefined : NAMES[kind];
  if (source === undefined || options.flag('offline')) return [];
  const [path, member] = source;
  try {
    const items = memberAt(await client.get(path, {}, AbortSignal.timeout(PATIENCE_MS)), 'items');
    if (!Array.isArray(items)) return [];
    return items.flatMap((item) => {
      const name = memberAt(item, member);
      return typeof name === 'string' ? [name] : [];
    });
  } catch {
    // No names are no fault: the rest of the line is completed by hand.
    return [];
  }
}

/** Only names that a shell needs not quote: others would need more than a script of three lines. */
function fitting(candidates: readonly string[], current: string): readonly string[] {
  return candidates.filter((each) => each.startsWith(current) && /^[\w.:/@+-]+$/.test(each));
}
