import type { Command } from 'commander';
import { addCommand, noun, type Program } from '../command.ts';
import { usageFailure } from '../failure.ts';
import { resolve } from 'node:path';
import { column, wide } from '../output/table.ts';
import { configPath, parseUrl, readConfig, writeConfig } from '../settings.ts';

const COLUMNS = [
  column('CURRENT', 'isCurrent', 'yes'),
  wide('NAME', 'name'),
  wide('URL', 'url'),
  wide('KEY FILE', 'keyFile'),
  wide('CA FILE', 'caFile'),
];

export function contextCommands(root: Command, program: Program): void {
  const parent = noun(root, 'context', 'Named installations, in ~/.config/stowage/config.json').alias('contexts');
  addCommand(parent, program, {
    usage: 'list',
    aliases: ['ls'],
    summary: 'List contexts',
    run: async ({ io, out }) => {
      const { contexts, current } = readConfig(io.env);
      const items = Object.entries(contexts).map(([name, each]) => ({ name, isCurrent: name === current, ...each }));
      if (out.isJson) out.json({ items });
      else if (items.length === 0) out.note(`No contexts in ${configPath(io.env)}.`);
      else out.table(COLUMNS, items);
    },
  });
  addCommand(parent, program, {
    usage: 'set <name>',
    summary: 'Make or change a context: --url, --key-file and --ca-file; the first one becomes the current one',
    examples: ['context set prod --url https://stowage.example.com --key-file ~/.config/stowage/prod.key'],
    run: async ({ io, out, options, name }) => {
      const config = readConfig(io.env);
      const before = config.contexts[name];
      const url = options.text('url') ?? before?.url;
      if (url === undefined) throw usageFailure('--url is needed for a new context');
      const keyFile = absolute(options.text('keyFile')) ?? before?.keyFile;
      const caFile = absolute(options.text('caFile')) ?? before?.caFile;
      const context = {
        url: parseUrl(url).href,
        ...(keyFile === undefined ? {} : { keyFile }),
        ...(caFile === undefined ? {} : { caFile }),
      };
      writeConfig(io.env, {
        ...config,
        current: config.current ?? name,
        contexts: { ...config.contexts, [name]: context },
      });
      out.note(`Context ${name} is in ${configPath(io.env)}.`);
    },
  });
  addCommand(parent, program, {
    usage: 'use <name>',
    summary: 'Make a context the current one',
    completes: 'context',
    run: async ({ io, out, name }) => {
      const config = readConfig(io.env);
      if (config.contexts[name] === undefined)
        throw usageFailure(`there is no context ${name}`, 'See `stowage context list`.');
      writeConfig(io.env, { ...config, current: name });
      out.note(`${name} is the current context.`);
    },
  });
  addCommand(parent, program, {
    usage: 'remove <name>',
    aliases: ['rm'],
    summary: 'Remove a context; key files stay',
    completes: 'context',
    run: async ({ io, out, name }) => {
      const { current, contexts } = readConfig(io.env);
      if (contexts[name] === undefined)
        throw usageFailure(`there is no context ${name}`, 'See `stowage context list`.');
      const rest = Object.fromEntries(Object.entries(contexts).filter(([each]) => each !== name));
      writeConfig(io.env, { ...(current === name || current === undefined ? {} : { current }), contexts: rest });
      out.note(`Context ${name} is removed.`);
    },
  });
}

function absolute(path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(path);
}
