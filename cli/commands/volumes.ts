import type { Command } from 'commander';
import { addCommand, manyOption, noun, option, type Program, type Run } from '../command.ts';
import { usageFailure } from '../failure.ts';
import { submissionOptions, submit } from '../follow.ts';
import { pageOptions, segment, showList, showOne } from '../list.ts';
import { eachOf } from './jobs.ts';
import { column, type Item, memberAt, wide } from '../output/table.ts';

const COLUMNS = [
  wide('NAME', 'name'),
  column('STATE', 'state', 'state'),
  column('STORE', 'store'),
  column('CAPACITY', 'capacityBytes', 'size'),
  column('ACCESS', 'access'),
  wide('HOLDERS', holders),
  column('AGE', 'createdAt', 'age'),
];

function holders(item: Item): string | undefined {
  const all = item['holders'];
  if (!Array.isArray(all) || all.length === 0) return undefined;
  return all.map((each) => String(memberAt(each, 'machineName') ?? memberAt(each, 'machine'))).join(', ');
}

export function volumeCommands(root: Command, program: Program): void {
  const parent = noun(root, 'volume', 'Volumes: disks and directories that outlive containers').alias('volumes');
  addCommand(parent, program, {
    usage: 'list',
    aliases: ['ls'],
    summary: 'List volumes by name',
    options: [
      option('--store <name>', 'only of this volume store'),
      option('--state <state>', 'only in this state, e.g. available, in-use, failed'),
      ...pageOptions(),
    ],
    run: async (run) =>
      await showList(run, {
        path: 'v1/volumes',
        query: { store: run.options.text('store'), state: run.options.text('state') },
        columns: COLUMNS,
        nouns: 'volumes',
      }),
  });
  addCommand(parent, program, {
    usage: 'show <name>',
    aliases: ['inspect'],
    summary: 'Show a volume',
    completes: 'volume',
    run: async (run) => await showOne(run, `v1/volumes/${segment(run.name)}`),
  });
  makeCommands(parent, program);
  changeCommands(parent, program);
}

const makingOptions = () => [
  option('--store <name>', 'the volume store (default)'),
  option('--disk-format <format>', 'thin, zeroedthick or eagerzeroedthick'),
  option('--access <access>', 'read-write or read-only'),
  manyOption('-o, --option <name=value>', 'a volume option, as `docker volume create -o` has it'),
  manyOption('-l, --label <name=value>', 'a label'),
  ...submissionOptions(),
];

function makeCommands(parent: Command, program: Program): void {
  addCommand(parent, program, {
    usage: 'create <name>',
    summary: 'Make a volume',
    options: [
      option('--capacity <size>', 'e.g. 10GB, 512MiB'),
      option('--fs <type>', 'ext4, xfs, btrfs or none'),
      option('--clone-from <volume>', 'begin with the content of this volume'),
      ...makingOptions(),
    ],
    examples: [
      'volume create demo_vol --capacity 10GB',
      'volume create data -o VolumeStore=fast -o Capacity=1TB --detach',
    ],
    run: async (run) =>
      await submit(run, {
        path: 'v1/volumes',
        body: { name: run.name, ...making(run, { capacity: 'Capacity', fs: 'fstype', cloneFrom: 'clone-from' }) },
      }),
  });
  addCommand(parent, program, {
    usage: 'clone <source> <name>',
    summary: 'Make a volume with the content of another one',
    completes: 'volume',
    options: makingOptions(),
    run: async (run) =>
      await submit(run, {
        path: `v1/volumes/${segment(run.name)}/clone`,
        body: { name: run.args[1], ...making(run, {}) },
      }),
  });
}

/** Options and labels as a payload has them. `own`: options that have a name of their own here. */
function making(run: Run, own: Readonly<Record<string, string>>): Item {
  const named = { store: 'VolumeStore', diskFormat: 'diskformat', access: 'access', ...own };
  const stated = Object.entries(named).flatMap(([name, key]) => {
    const value = run.options.text(name);
    return value === undefined ? [] : [[key, value] as const];
  });
  const options = { ...pairs(run.options.texts('option'), '--option'), ...Object.fromEntries(stated) };
  const labels = pairs(run.options.texts('label'), '--label', '');
  return {
    ...(Object.keys(options).length === 0 ? {} : { options }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
  };
}

/** `name=value`; without a value it has this one, or is not valid. */
export function pairs(texts: readonly string[], flag: string, whenAlone?: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=');
      if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
      if (at === 0 || whenAlone === undefined) throw usageFailure(`${flag} wants name=value, not ${text}`);
      return [text, whenAlone];
    }),
  );
}

function changeCommands(parent: Command, program: Program): void {
  addCommand(parent, program, {
    usage: 'remove <names...>',
    aliases: ['rm'],
    summary: 'Remove volumes with their data',
    completes: 'volume',
    options: submissionOptions(),
    run: async (run) =>
      await eachOf(run, async (name) => await submit(run, { method: 'DELETE', path: `v1/volumes/${segment(name)}` })),
  });
  addCommand(parent, program, {
    usage: 'expand <name> <capacity>',
    summary: 'Make a volume larger',
    completes: 'volume',
    options: submissionOptions(),
    examples: ['volume expand demo_vol 20GB'],
    run: async (run) =>
      await submit(run, { path: `v1/volumes/${segment(run.name)}/expand`, body: { capacity: run.args[1] } }),
  });
  addCommand(parent, program, {
    usage: 'attach <name> <machine>',
    summary: 'Attach a volume to a virtual machine, named by its moref',
    completes: 'volume',
    options: [option('--access <access>', 'read-write or read-only'), ...submissionOptions()],
    run: async (run) => {
      const access = run.options.text('access');
      return await submit(run, {
        path: `v1/volumes/${segment(run.name)}/attach`,
        body: { machine: run.args[1], ...(access === undefined ? {} : { access }) },
      });
    },
  });
  addCommand(parent, program, {
    usage: 'detach <name> [machine]',
    summary: 'Detach a volume; the machine is needed when several read it',
    completes: 'volume',
    options: submissionOptions(),
    run: async (run) => {
      const machine = run.args[1];
      return await submit(run, {
        path: `v1/volumes/${segment(run.name)}/detach`,
        body: machine === undefined ? {} : { machine },
      });
    },
  });
}
