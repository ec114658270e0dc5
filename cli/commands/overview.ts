import type { Command } from 'commander';
import { z } from 'zod';
import { addCommand, type Program, type Run } from '../command.ts';
import { itemSchema } from '../list.ts';
import { column, wide } from '../output/table.ts';
import { countWords, durationWords } from '../output/words.ts';

const items = z.array(itemSchema).catch([]);
const overviewSchema = z.looseObject({
  jobs: z.looseObject({
    byState: z.record(z.string(), z.number()).catch({}),
    oldestReadyAgeMs: z.number().catch(0),
    oldestDeadAgeMs: z.number().catch(0),
  }),
  throughput: z.array(z.looseObject({ succeeded: z.number(), dead: z.number() })).catch([]),
  failing: items,
  hosts: items,
  stores: items,
  recoveries: items,
});
type Overview = z.infer<typeof overviewSchema>;

const FAILING = [
  column('JOB', 'job'),
  column('KIND', 'kind'),
  wide('RESOURCE', 'resource'),
  column('STATE', 'state', 'state'),
  column('CODE', 'code'),
  column('AGE', 'at', 'age'),
  wide('MESSAGE', 'message'),
];
const HOSTS = [
  wide('NAME', 'name'),
  column('STATE', 'state', 'state'),
  column('MAINTENANCE', 'maintenance', 'yes'),
  column('CONTAINERS', 'containerCount', 'count'),
];
const STORES = [
  column('NAME', 'name'),
  column('VOLUMES', 'volumes', 'count'),
  column('IN VOLUMES', 'volumeBytes', 'size'),
  column('FREE', 'freeBytes', 'size'),
  column('CAPACITY', 'capacityBytes', 'size'),
];
const RECOVERIES = [column('ID', 'id'), column('HOST', 'host'), column('STATE', 'state', 'state')];

const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

export function overviewCommand(root: Command, program: Program): void {
  addCommand(root, program, {
    usage: 'overview',
    summary: 'How it stands: jobs, throughput, what is failing, hosts, stores, recoveries',
    run: async (run) => {
      const body = itemSchema.parse(await run.client.get('v1/overview'));
      if (run.out.isJson) run.out.json(body);
      else show(run, overviewSchema.parse(body));
    },
  });
}

function show({ out }: Run, { jobs, throughput, ...lists }: Overview): void {
  const counts = Object.entries(jobs.byState).map(([state, count]) => `${count.toLocaleString('en-US')} ${state}`);
  out.line(`${out.paint('bold', 'Jobs')}  ${counts.join(', ')}`);
  const ready = jobs.oldestReadyAgeMs;
  if (ready > 0) out.line(`      the oldest that could run has waited for ${durationWords(ready)}`);
  if (jobs.oldestDeadAgeMs > 0) out.line(`      the oldest dead letter is ${durationWords(jobs.oldestDeadAgeMs)} old`);
  const done = throughput.map(({ succeeded }) => succeeded);
  if (done.length > 0) {
    const total = done.reduce((sum, each) => sum + each, 0);
    const died = throughput.reduce((sum, { dead }) => sum + dead, 0);
    out.line(`Hour  ${sparkline(done)}  ${countWords(total, 'job')} succeeded, ${died} died`);
  }
  const sections = [
    ['Failing', FAILING, lists.failing],
    ['Recoveries under way', RECOVERIES, lists.recoveries],
    ['Hosts', HOSTS, lists.hosts],
    ['Stores', STORES, lists.stores],
  ] as const;
  for (const [title, columns, rows] of sections) {
    if (rows.length === 0) continue;
    out.line(`\n${out.paint('bold', title)}`);
    out.table(columns, rows);
  }
}

export function sparkline(values: readonly number[]): string {
  const most = Math.max(1, ...values);
  return values
    .map((value) => (value === 0 ? ' ' : (BARS[Math.ceil((value / most) * BARS.length) - 1] ?? ' ')))
    .join('');
}
