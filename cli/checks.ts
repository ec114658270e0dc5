import { z } from 'zod';
import type { Output } from './output/output.ts';
import { countWords, oneLine } from './output/words.ts';

// What doctor found, here and in the job, and how it is shown.

export const checkSchema = z.looseObject({
  name: z.string(),
  state: z.enum(['ok', 'warning', 'failed', 'skipped']).catch('skipped'),
  message: z.string(),
  advice: z.string().optional(),
});
export type Check = z.infer<typeof checkSchema>;

const MARKS = {
  ok: ['✓', 'green'],
  warning: ['!', 'yellow'],
  failed: ['✗', 'red'],
  skipped: ['-', 'dim'],
} as const;

export function showChecks(out: Output, checks: readonly Check[]): void {
  for (const { name, state, message, advice } of checks) {
    const [mark, look] = MARKS[state];
    out.line(`${out.paint(look, mark)} ${out.paint('bold', oneLine(name))}  ${oneLine(message)}`);
    if (advice !== undefined && state !== 'ok') out.line(`    ${out.paint(look, '→')} ${oneLine(advice)}`);
  }
}

export function summaryOf(checks: readonly Check[]): string {
  const count = (wanted: Check['state']): number => checks.filter(({ state }) => state === wanted).length;
  const parts = [
    `${count('ok')} of ${countWords(checks.length, 'check')} are well`,
    ...(count('failed') === 0 ? [] : [`${count('failed')} failed`]),
    ...(count('warning') === 0 ? [] : [countWords(count('warning'), 'warning')]),
    ...(count('skipped') === 0 ? [] : [`${count('skipped')} skipped`]),
  ];
  return `${parts.join(', ')}.`;
}
