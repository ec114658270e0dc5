import { ERROR_CODES, ERROR_KINDS, type ErrorCode, type ErrorKind } from '../../core/error-codes.ts';
import { adviceOf, dispositionOf, statusOf } from '../../core/errors.ts';

const HEAD = `# Errors

Every error has a code of this list; a code is never used again for another meaning. The HTTP API shows it in a problem
document (RFC 9457), whose \`type\` is \`/problems/<code>\`; a job shows it in \`error\`, and each of its attempts in its own.

*retry*: the queue tries again, with growing pauses, as often as the kind of job allows; then the job is a dead letter. *dead
letter*: the job stops at once and waits for a person, who may redrive or discard it.

This page is generated from \`core/error-codes.ts\` by \`npm run docs\`.
`;

/** docs/errors.md. */
export function renderErrorsPage(): string {
  const kinds = Object.keys(ERROR_KINDS) as ErrorKind[];
  return `${HEAD}\n${kinds.map(renderKind).join('\n')}`;
}

function renderKind(kind: ErrorKind): string {
  const { title, status } = ERROR_KINDS[kind];
  const codes = (Object.keys(ERROR_CODES) as ErrorCode[]).filter((code) => ERROR_CODES[code].kind === kind);
  const rows = codes.map(
    (code) =>
      `| \`${code}\` | ${statusOf(code)} | ${dispositionWords(code)} | ${adviceOf(code).replaceAll('|', '\\|')} |`,
  );
  const head = ['| code | HTTP status | in the queue | what to do |', '|---|---|---|---|'];
  return [`## ${kind}`, '', `${title} (HTTP ${status}).`, '', ...head, ...rows, ''].join('\n');
}

function dispositionWords(code: ErrorCode): string {
  return dispositionOf(code) === 'retry' ? 'retry' : 'dead letter';
}
