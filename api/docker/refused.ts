import { refusal } from './answer.ts';
import type { Handler, Method, Route } from './parts.ts';

/** What a refusal says; `{name}` stands for the names in the path. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
}

/** Routes of one noun that all answer the same, at once: `GET /a/{id}`, one a line. */
export function refused(lines: string, { status, text }: Refusal): readonly Route[] {
  const handler: Handler = ({ names }) =>
    refusal(
      status,
      text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => names[name] ?? whole),
    );
  return lines
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line): Route => {
      const [method = '', path = ''] = line.split(/ +/);
      return { method: method as Method, path, role: 'viewer', support: { as: 'refused', status, text }, handler };
    });
}
