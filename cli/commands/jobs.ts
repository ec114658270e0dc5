import type { Command } from 'commander';
import { addCommand, manyOption, noun, option, type Program, type Run } from '../command.ts';
import type { Query } from '../client.ts';
import { editJson } from '../editor.ts';
import { type Exit, usageFailure } from '../failure.ts';
import { follow, showEnd, submissionOptions, submit, tell } from '../follow.ts';
import { payloadOf, timeOf } from '../input.ts';
import { jobSchema, subjectOf } from '../job.ts';
import { showJob } from '../job-page.ts';
import { itemSchema, pageOptions, segment, showList } from '../list.ts';
import { column, type Item, textOf, wide } from '../output/table.ts';

export const JOB_COLUMNS = [
  column('ID', 'id'),
  column('KIND', 'kind'),
  column('STATE', 'state', 'state'),
  wide('RESOURCES', subjectOf),
  column('ACTOR', 'actor'),
  column('AGE', 'createdAt', 'age'),
  wide('ERROR', 'error.code'),
];
const TRAIL_COLUMNS = [
  column('AT', 'at'),
  column('TYPE', 'type'),
  wide('NAME', 'name'),
  column('TOOK', 'durationMs', 'duration'),
  column('ATTEMPT', 'attempt'),
  column('STEP', 'step'),
  wide('DATA', dataOf),
];

function dataOf({ level, data }: Item): string | undefined {
  if (data === undefined && level === undefined) return undefined;
  return `${level === undefined ? '' : `${textOf(level)} `}${data === undefined ? '' : JSON.stringify(data)}`;
}

export function jobCommands(root: Command, program: Program): void {
  const parent = noun(root, 'job', 'Jobs: every change is one').alias('jobs');
  readCommands(parent, program);
  submitCommands(parent, program);
  actionCommands(parent, program);
}

/** What jobs can be chosen by; dead letters by all but the state. */
export const jobFilters = () => [
  option('--kind <kind>', 'of this kind, e.g. volume.attach'),
  option('--resource <resource>', 'about this one, e.g. volume:demo_vol'),
  option('--actor <actor>', 'submitted by, e.g. key:ci'),
  option('--code <code>', 'with this code of error, e.g. vcenter-unreachable'),
  option('--fingerprint <fingerprint>', 'of this group of dead letters'),
  option('--since <time>', 'made at or after: a time, or how long ago, e.g. 2h'),
  option('--until <time>', 'made before'),
];

export function jobQuery({ options, io }: Run): Query {
  return {
    kind: options.text('kind'),
    resource: options.text('resource'),
    actor: options.text('actor'),
    code: options.text('code'),
    fingerprint: options.text('fingerprint'),
    since: timeOf(options.text('since'), '--since', io.nowMs()),
    until: timeOf(options.text('until'), '--until', io.nowMs()),
  };
}

function readCommands(parent: Command, program: Program): void {
  addCommand(parent, program, {
    usage: 'list',
    aliases: ['ls'],
    summary: 'List jobs, newest first',
    options: [
      manyOption(
        '--state <state>',
        'waiting, running, succeeded, dead, failed or cancelled; may be given several times',
      ),
      ...jobFilters(),
      option('--text <text>', 'with this in the id, the kind, a resource, the actor or the error'),
      option('--parent <id>', 'submitted by this job'),
      ...pageOptions(),
    ],
    examples: ['job list --state waiting --state running', 'job list --kind volume.attach --since 2h'],
    run: async (run) => {
      const { options } = run;
      const states = options.texts('state');
      const query = {
        ...(states.length === 0 ? {} : { state: states }),
        ...jobQuery(run),
        text: options.text('text'),
        parent: options.text('parent'),
      };
      await showList(run, { path: 'v1/jobs', query, columns: JOB_COLUMNS, nouns: 'jobs' });
    },
  });
  addCommand(parent, program, {
    usage: 'show <id>',
    aliases: ['inspect'],
    summary: 'Show a job with its steps and attempts',
    completes: 'job',
    run: async (run) => showJob(run, await run.client.get(`v1/jobs/${segment(run.name)}`)),
  });
  addCommand(parent, program, {
    usage: 'trail <id>',
    summary: 'Everything known of a job in order of time: events, steps, Tasks, calls, log lines',
    completes: 'job',
    options: pageOptions(),
    run: async (run) =>
      await showList(run, { path: `v1/jobs/${segment(run.name)}/trail`, columns: TRAIL_COLUMNS, nouns: 'entries' }),
  });
  addCommand(parent, program, {
    usage: 'wait <ids...>',
    summary: 'Wait until jobs are over, and tell what became of each',
    completes: 'job',
    run: async (run) =>
      await eachOf(run, async (id) =>
        showEnd(run, await follow(run, jobSchema.parse(await run.client.get(`v1/jobs/${segment(id)}`)))),
      ),
  });
}

/** Does it for each argument, whatever becomes of the others; the last that did not end well is the exit. */
export async function eachOf(run: Run, act: (name: string) => Promise<Exit | void>): Promise<Exit> {
  let exit: Exit = 'ok';
  for (const name of run.args) {
    const reached = await run.attempt(async () => await act(name));
    if (reached === 'interrupted') return reached;
    if (reached !== 'ok') exit = reached;
  }
  return exit;
}

function submitCommands(parent: Command, program: Program): void {
  addCommand(parent, program, {
    usage: 'submit <kind> [payload]',
    summary: 'Submit a job of any kind; the payload is JSON, @file, or - for standard input',
    completes: 'kind',
    options: submissionOptions(),
    examples: [
      `job submit volume.create '{"name":"demo_vol","options":{"Capacity":"10GB"}}'`,
      'job submit reconcile.run --detach',
    ],
    run: async (run) =>
      await submit(run, { path: 'v1/jobs', body: { kind: run.name, payload: await payloadOf(run, run.args[1]) } }),
  });
  addCommand(parent, program, {
    usage: 'redrive <id>',
    summary: 'Put a dead letter back into its lines, as it was or with another payload',
    completes: 'dead-letter',
    options: [
      option('--edit', 'change the payload in $VISUAL or $EDITOR first'),
      option('--payload <payload>', 'this payload: JSON, @file, or - for standard input'),
      ...submissionOptions(),
    ],
    examples: ['job redrive 01KB6M1T3Y5W8ZQ9F0C2D4E6G7', 'job redrive 01KB6M1T3Y5W8ZQ9F0C2D4E6G7 --edit'],
    run: redrive,
  });
}

async function redrive(run: Run): Promise<Exit> {
  const path = `v1/jobs/${segment(run.name)}`;
  const given = run.options.text('payload');
  const wantsEditor = run.options.flag('edit');
  if (given !== undefined && wantsEditor) throw usageFailure('--edit and --payload exclude each other');
  if (given !== undefined)
    return await submit(run, { path: `${path}/redrive`, body: { payload: await payloadOf(run, given) } });
  if (!wantsEditor) return await submit(run, { path: `${path}/redrive`, body: {} });
  const { payload } = jobSchema.parse(await run.client.get(path));
  const edited = await editJson(run, payload, `job-${run.name}`);
  if (edited === undefined) {
    run.out.note('Nothing was changed; nothing was done.');
    return 'ok';
  }
  return await submit(run, { path: `${path}/redrive`, body: { payload: edited } });
}

function actionCommands(parent: Command, program: Program): void {
  addCommand(parent, program, {
    usage: 'cancel <ids...>',
    summary: 'Cancel jobs; a worker may have to undo what was begun',
    completes: 'job',
    options: [option('-d, --detach', 'do not wait until it is undone')],
    run: async (run) =>
      await eachOf(run, async (id) => {
        const answer = await run.client.call({ method: 'POST', path: `v1/jobs/${segment(id)}/cancel` });
        const exit = await tell(run, jobSchema.parse(answer.body), { hoped: 'cancelled' });
        return exit;
      }),
  });
  addCommand(parent, program, {
    usage: 'discard <ids...>',
    summary: 'Give dead letters up',
    completes: 'dead-letter',
    options: [option('--reason <text>', 'why; it is kept with the job').makeOptionMandatory()],
    examples: ['job discard 01KB6M1T3Y5W8ZQ9F0C2D4E6G7 --reason "the disk was replaced"'],
    run: async (run) =>
      await eachOf(run, async (id) => {
        const body = { reason: run.options.text('reason') };
        const answer = await run.client.call({ method: 'POST', path: `v1/jobs/${segment(id)}/discard`, body });
        if (run.out.isJson) run.out.json(itemSchema.parse(answer.body));
        else run.out.note(`Job ${id} is discarded.`);
      }),
  });
}
