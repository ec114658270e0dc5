import type { Command } from 'commander';
import { createInterface } from 'node:readline/promises';
import { z } from 'zod';
import { addCommand, noun, option, type Program, type Run } from '../command.ts';
import { type Exit, usageFailure } from '../failure.ts';
import { submissionOptions, submit } from '../follow.ts';
import { itemSchema, pageOptions, showList } from '../list.ts';
import { column, type Item, wide } from '../output/table.ts';
import { countWords } from '../output/words.ts';
import { JOB_COLUMNS, jobFilters, jobQuery } from './jobs.ts';

const GROUPS = [
  column('FINGERPRINT', 'fingerprint'),
  column('COUNT', 'count', 'count'),
  column('KIND', 'kind'),
  column('CODE', 'code'),
  column('FIRST', 'firstSeenAt', 'age'),
  column('LAST', 'lastSeenAt', 'age'),
  wide('MESSAGE', 'message'),
];

export function deadCommands(root: Command, program: Program): void {
  const parent = noun(root, 'dead', 'Dead letters: jobs that failed for good and wait for somebody');
  addCommand(parent, program, {
    usage: 'list',
    aliases: ['ls'],
    summary: 'List dead letters, newest first',
    options: [...jobFilters(), ...pageOptions()],
    run: async (run) =>
      await showList(run, {
        path: 'v1/jobs',
        query: { state: 'dead', ...jobQuery(run) },
        columns: JOB_COLUMNS.filter(({ title }) => title !== 'STATE'),
        nouns: 'dead letters',
      }),
  });
  addCommand(parent, program, {
    usage: 'groups',
    summary: 'Dead letters by what went wrong: one line for each error of each kind',
    options: [
      option('--kind <kind>', 'of this kind'),
      option('--code <code>', 'with this code of error'),
      option('--since <time>', 'seen at or after: a time, or how long ago, e.g. 2h'),
      option('--until <time>', 'seen before'),
      ...pageOptions(),
    ],
    run: async (run) => {
      const { kind, code, since, until } = jobQuery(run);
      const query = { kind, code, since, until };
      await showList(run, { path: 'v1/dead-letters/groups', query, columns: GROUPS, nouns: 'dead letters' });
    },
  });
  addCommand(parent, program, {
    usage: 'redrive [ids...]',
    summary: 'Put many dead letters back into their lines, at a rate; --dry-run counts them first',
    completes: 'dead-letter',
    options: [
      ...jobFilters(),
      option('--rate <per-second>', 'so many a second at most (20)'),
      option('--stop-after <count>', 'stop when so many of them are dead again (10)'),
      ...bulkOptions(),
    ],
    examples: [
      'dead redrive --code vcenter-unreachable --dry-run',
      'dead redrive --fingerprint 1f0c3a5b7d9e2468 --rate 20 --stop-after 5',
    ],
    run: async (run) =>
      await bulk(run, 'redrive', {
        ratePerSecond: run.options.number('rate'),
        stopAfterFailures: run.options.number('stopAfter'),
      }),
  });
  addCommand(parent, program, {
    usage: 'discard [ids...]',
    summary: 'Give many dead letters up; --dry-run counts them first',
    completes: 'dead-letter',
    options: [...jobFilters(), option('--reason <text>', 'why; it is kept with each job'), ...bulkOptions()],
    run: async (run) => {
      const reason = run.options.text('reason');
      if (reason === undefined && !run.options.flag('dryRun')) throw usageFailure('--reason is needed to discard');
      return await bulk(run, 'discard', { reason: reason ?? 'counted only' });
    },
  });
}

const bulkOptions = () => [
  option('--all', 'all dead letters: for when neither ids nor a filter is given'),
  option('--dry-run', 'only say how many that would be'),
  option('-y, --yes', 'do not ask'),
  ...submissionOptions(),
];

const countSchema = z.looseObject({
  matched: z.number(),
  byKind: z.array(z.looseObject({ kind: z.string(), count: z.number() })),
});

async function bulk(run: Run, verb: 'redrive' | 'discard', more: Item): Promise<Exit> {
  const path = `v1/dead-letters/${verb}`;
  const body = { ...choiceOf(run), ...defined(more) };
  if (run.options.flag('dryRun')) {
    const answer = itemSchema.parse(
      (await run.client.call({ method: 'POST', path, body: { ...body, dryRun: true } })).body,
    );
    if (run.out.isJson) run.out.json(answer);
    else showCount(run, answer);
    return 'ok';
  }
  if (run.io.isInTerminal && run.io.isErrTerminal && !run.options.flag('yes') && !run.out.isJson) {
    const counted = await run.client.call({ method: 'POST', path, body: { ...body, dryRun: true } });
    const { matched } = showCount(run, itemSchema.parse(counted.body));
    if (matched === 0 || !(await isSure(run, `${verb} ${countWords(matched, 'dead letter')}?`))) return 'ok';
  }
  return await submit(run, { path, body });
}

function showCount({ out }: Run, answer: Item): z.infer<typeof countSchema> {
  const counted = countSchema.parse(answer);
  if (counted.byKind.length > 0) out.table([column('KIND', 'kind'), column('COUNT', 'count', 'count')], counted.byKind);
  out.note(`${countWords(counted.matched, 'dead letter')} in all.`);
  return counted;
}

/** Ids, or a filter. Everything only when it is said. */
function choiceOf(run: Run): Item {
  const filter = defined(jobQuery(run));
  const hasFilter = Object.keys(filter).length > 0;
  const isAll = run.options.flag('all');
  const chosen = [run.args.length > 0, hasFilter, isAll].filter(Boolean).length;
  if (chosen === 0)
    throw usageFailure('which dead letters?', 'Name their ids, a filter like --code or --fingerprint, or --all.');
  if (chosen > 1) throw usageFailure('ids, filters and --all exclude each other');
  return run.args.length > 0 ? { ids: run.args } : { filter };
}

function defined(item: Item): Item {
  return Object.fromEntries(Object.entries(item).filter(([, value]) => value !== undefined));
}

async function isSure({ io }: Run, question: string): Promise<boolean> {
  const lines = createInterface({ input: io.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `, { signal: io.interrupted })).trim());
  } finally {
    lines.close();
  }
}
