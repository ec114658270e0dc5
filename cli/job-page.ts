import type { Run } from './command.ts';
import { jobSchema } from './job.ts';
import { itemSchema } from './list.ts';

/** A job for a reader. */
export async function showJob(run: Run, body: unknown): Promise<void> {
  const document = itemSchema.parse(body);
  jobSchema.parse(document);
  if (run.out.isJson) run.out.json(document);
  else run.out.detail(document);
}
