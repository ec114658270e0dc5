import type { Command } from 'commander';
import { addCommand, noun, option, type Program } from '../command.ts';
import { follow, showEnd, submissionOptions, submit, tell } from '../follow.ts';
import { payloadOf } from '../input.ts';
import { jobSchema, subjectOf } from '../job.ts';
import { pageOptions, segment, showList } from '../list.ts';
import { column, wide } from '../output/table.ts';
import { showJob } from '../job-page.ts';

export const JOB_COLUMNS = [
  column('ID', 'id'),
  column('KIND', 'kind'),
  column('STATE', 'state', 'state'),
  wide('RESOURCES', subjectOf),
  column('ACTOR', 'actor'),
  column('AGE', 'createdAt', 'age'),
];

export function jobCommands(root: Command, program: Program): void {
  const parent = noun(root, 'job', 'Jobs: every change is one').alias('jobs');
  readCommands(parent, program);
  submitCommands(parent, program);
}

function readCommands(parent: Command, program: Program): void {
  addCommand(parent, program, {
    usage: 'list',
    aliases: ['ls'],
    summary: 'List jobs, newest first',
    options: pageOptions(),
    run: async (run) => await showList(run, { path: 'v1/jobs', columns: JOB_COLUMNS, nouns: 'jobs' }),
  });
  addCommand(parent, program, {
    usage: 'show <id>',
    summary: 'Show a job with its steps and attempts',
    completes: 'job',
    run: async (run) => await showJob(run, await run.client.get(`v1/jobs/${segment(run.name)}`)),
  });
  addCommand(parent, program, {
    usage: 'wait <ids...>',
    summary: 'Wait until jobs are over, and tell what became of them',
    completes: 'job',
    run: async (run) => {
      const job = jobSchema.parse(await run.client.get(`v1/jobs/${segment(run.name)}`));
      return showEnd(run, await follow(run, job));
    },
  });
}

function submitCommands(parent: Command, program: Program): void {
  addCommand(parent, program, {
    usage: 'submit <kind> [payload]',
    summary: 'Submit a job of any kind; the payload is JSON, @file, or - for standard input',
    completes: 'kind',
    options: submissionOptions(),
    examples: [`job submit volume.create '{"name":"demo_vol"}'`, 'job submit reconcile.run'],
    run: async (run) =>
      await submit(run, { path: 'v1/jobs', body: { kind: run.name, payload: await payloadOf(run, run.args[1]) } }),
  });
  addCommand(parent, program, {
    usage: 'cancel <id>',
    summary: 'Cancel a job; a worker may have to undo what was begun',
    completes: 'job',
    options: [option('-d, --detach', 'do not wait until it is undone')],
    run: async (run) => {
      const answer = await run.client.call({ method: 'POST', path: `v1/jobs/${segment(run.name)}/cancel` });
      const exit = await tell(run, jobSchema.parse(answer.body));
      return exit;
    },
  });
}
