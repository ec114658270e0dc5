import type { Command } from 'commander';
import { addCommand, noun, option, type Program } from '../command.ts';
import { submissionOptions, submit } from '../follow.ts';
import { timeOf } from '../input.ts';
import { pageOptions, segment, showList, showOne } from '../list.ts';
import { column, wide } from '../output/table.ts';

const HOSTS = [
  wide('NAME', 'name'),
  column('CONNECTION', 'connection', 'state'),
  column('MAINTENANCE', 'inMaintenance', 'yes'),
  column('POWERED ON', 'poweredOn', 'yes'),
  column('CLUSTER', 'cluster'),
  column('CPU MHZ', 'cpuMhz', 'count'),
  column('MEMORY', 'memoryBytes', 'size'),
  column('REF', 'ref'),
];
const STORES = [
  column('NAME', 'name'),
  column('USABLE', 'isUsable', 'yes'),
  column('BACKING', 'backing'),
  wide('TARGET', 'target.name'),
  column('CAPACITY', 'capacityBytes', 'size'),
  column('FREE', 'freeBytes', 'size'),
  wide('FAULT', 'fault'),
];
const RECOVERIES = [
  column('ID', 'id'),
  column('HOST', 'host'),
  column('STATE', 'state', 'state'),
  column('DETECTED', 'detectedAt', 'age'),
  column('RECOVERED', 'recovered', 'count'),
  column('LOST', 'lost', 'count'),
  column('UNCHANGED', 'unchanged', 'count'),
];

const AUDIT = [
  column('AT', 'at'),
  column('ACTOR', 'actor'),
  column('ACTION', 'action'),
  wide('TARGET', 'target'),
  column('OUTCOME', 'outcome', 'state'),
  column('STATUS', 'status'),
  wide('ADDRESS', 'address'),
  wide('DETAIL', 'detail'),
];

export function hostCommands(root: Command, program: Program): void {
  const parent = noun(root, 'host', 'ESXi hosts').alias('hosts');
  addCommand(parent, program, {
    usage: 'list',
    aliases: ['ls'],
    summary: 'List hosts, as the watcher saw them',
    options: pageOptions(),
    run: async (run) => await showList(run, { path: 'v1/hosts', columns: HOSTS, nouns: 'hosts' }),
  });
  addCommand(parent, program, {
    usage: 'show <host>',
    aliases: ['inspect'],
    summary: 'Show a host with its containers, by name or moref',
    completes: 'host',
    run: async (run) => await showOne(run, `v1/hosts/${segment(run.name)}`),
  });
  addCommand(parent, program, {
    usage: 'drain <host>',
    summary: 'Empty a host and put it into maintenance',
    completes: 'host',
    options: [option('--timeout <seconds>', 'for it to become empty (600)'), ...submissionOptions()],
    run: async (run) => {
      const timeoutSeconds = run.options.number('timeout');
      const body = timeoutSeconds === undefined ? {} : { timeoutSeconds };
      return await submit(run, { path: `v1/hosts/${segment(run.name)}/drain`, body });
    },
  });
  addCommand(parent, program, {
    usage: 'undrain <host>',
    summary: 'Take a host out of maintenance',
    completes: 'host',
    options: submissionOptions(),
    run: async (run) => await submit(run, { path: `v1/hosts/${segment(run.name)}/undrain`, body: {} }),
  });
  addCommand(parent, program, {
    usage: 'recover <host>',
    summary: 'Bring the containers of a lost host back on others now; Stowage does so by itself',
    completes: 'host',
    options: submissionOptions(),
    run: async (run) =>
      await submit(run, { path: 'v1/jobs', body: { kind: 'host.recover', payload: { host: run.name } } }),
  });
}

/** What is only looked at. */
export function watchedCommands(root: Command, program: Program): void {
  const stores = noun(root, 'store', 'Volume stores').alias('stores');
  addCommand(stores, program, {
    usage: 'list',
    aliases: ['ls'],
    summary: 'List volume stores with their space',
    options: pageOptions(),
    run: async (run) => await showList(run, { path: 'v1/stores', columns: STORES, nouns: 'volume stores' }),
  });
  addCommand(stores, program, {
    usage: 'show <name>',
    aliases: ['inspect'],
    summary: 'Show a volume store with its datastores',
    completes: 'store',
    run: async (run) => await showOne(run, `v1/stores/${segment(run.name)}`),
  });
  const recoveries = noun(root, 'recovery', 'Recoveries of lost hosts').alias('recoveries');
  addCommand(recoveries, program, {
    usage: 'list',
    aliases: ['ls'],
    summary: 'List recoveries, newest first',
    options: pageOptions(),
    run: async (run) => await showList(run, { path: 'v1/recoveries', columns: RECOVERIES, nouns: 'recoveries' }),
  });
  addCommand(recoveries, program, {
    usage: 'show <id>',
    aliases: ['inspect'],
    summary: 'Show a recovery, with what happened to each container and when',
    run: async (run) => await showOne(run, `v1/recoveries/${segment(run.name)}`),
  });
  addCommand(root, program, {
    usage: 'audit',
    summary: 'Who did what beside submitting jobs, newest first (for admins)',
    options: [
      option('--actor <actor>', 'by this one, e.g. key:ci'),
      option('--action <action>', 'this, as the API names it, e.g. createKey'),
      option('--since <time>', 'at or after: a time, or how long ago, e.g. 2h'),
      option('--until <time>', 'before'),
      ...pageOptions(),
    ],
    run: async (run) => {
      const { options, io } = run;
      const query = {
        actor: options.text('actor'),
        action: options.text('action'),
        since: timeOf(options.text('since'), '--since', io.nowMs()),
        until: timeOf(options.text('until'), '--until', io.nowMs()),
      };
      await showList(run, { path: 'v1/audit', query, columns: AUDIT, nouns: 'entries' });
    },
  });
  const kinds = noun(root, 'kind', 'Kinds of job').alias('kinds');
  addCommand(kinds, program, {
    usage: 'list',
    aliases: ['ls'],
    summary: 'List the kinds of job there are',
    run: async (run) =>
      await showList(run, {
        path: 'v1/kinds',
        columns: [column('KIND', 'kind'), column('ROLE', 'role'), wide('SUMMARY', 'summary')],
        nouns: 'kinds',
        isWhole: true,
      }),
  });
}
