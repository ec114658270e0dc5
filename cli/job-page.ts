import type { Run } from './command.ts';
import { isOver, type JobDocument, jobSchema } from './job.ts';
import { itemSchema } from './list.ts';
import { column, type Item, memberAt, textOf, wide } from './output/table.ts';
import { durationWords, oneLine } from './output/words.ts';

// A job for a reader: what it is, how it stands, its steps and attempts, and why it failed.

const STEPS = [
  column('STEP', 'name'),
  column('STATE', 'state', 'state'),
  column('BEGUN', 'begun', 'count'),
  column('TOOK', 'durationMs', 'duration'),
  wide('TASKS', tasksOf),
];
const ATTEMPTS = [
  column('ATTEMPT', 'number', 'count'),
  column('OUTCOME', 'outcome', 'state'),
  column('TOOK', 'durationMs', 'duration'),
  column('STEP', 'step'),
  column('WORKER', 'worker'),
  wide('ERROR', (item) => errorOf(item)),
];

function tasksOf(item: Item): string | undefined {
  const tasks = item['tasks'];
  if (!Array.isArray(tasks) || tasks.length === 0) return undefined;
  return tasks.map((task) => `${String(memberAt(task, 'method'))} ${String(memberAt(task, 'ref'))}`).join(', ');
}

function errorOf(item: Item): string | undefined {
  const code = memberAt(item, 'error.code');
  return code === undefined ? undefined : `${textOf(code)}: ${textOf(memberAt(item, 'error.message'))}`;
}

export function showJob({ out, io }: Run, body: unknown): void {
  if (out.isJson) {
    out.json(itemSchema.parse(body));
    return;
  }
  const job = jobSchema.parse(body);
  out.detail(headOf(job, io.nowMs()));
  section(out, 'Steps', () => out.table(STEPS, job.steps), job.steps.length);
  section(out, 'Attempts', () => out.table(ATTEMPTS, job.attempts), job.attempts.length);
  section(out, 'Result', () => out.detail(job.result ?? {}), Object.keys(job.result ?? {}).length);
  const { error } = job;
  if (error !== null) {
    section(
      out,
      'Error',
      () => out.line(`${out.paint('red', oneLine(error.message))}\n${oneLine(error.advice ?? '')}`),
      1,
    );
  }
}

function section(out: Run['out'], title: string, show: () => void, count: number): void {
  if (count === 0) return;
  out.line(`\n${out.paint('bold', title)}`);
  show();
}

function headOf(job: JobDocument, nowMs: number): Item {
  const endMs = job.finishedAt === null ? nowMs : Date.parse(job.finishedAt);
  return {
    id: job.id,
    kind: job.kind,
    state: job.state,
    resources: job.resources,
    actor: job['actor'],
    payload: job.payload,
    createdAt: job.createdAt,
    [isOver(job) ? 'took' : 'under way for']: durationWords(Math.max(0, endMs - Date.parse(job.createdAt))),
    attempts: `${job.attempts.length} (at most ${job.maxAttempts} that fail)`,
    ...optional(job, ['retryAt', 'deadlineAt', 'cancelRequestedBy', 'parent', 'redriveOf', 'replacedBy', 'redriveRun']),
    ...optional(job, ['discardReason', 'traceId']),
    ...(job.children.length === 0 ? {} : { children: job.children }),
    ...(job.waitingBehind === undefined ? {} : { waitingBehind: job.waitingBehind.map(behindWords) }),
    ...(job.progress === undefined ? {} : { progress: job.progress }),
  };
}

function behindWords({ job, resource, ahead }: { job: string; resource: string; ahead: number }): string {
  return `job ${job} on ${resource} (${ahead} ahead)`;
}

function optional(job: JobDocument, names: readonly string[]): Item {
  return Object.fromEntries(names.filter((name) => job[name] !== undefined).map((name) => [name, job[name]]));
}
