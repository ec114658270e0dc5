import type { Failure } from '../failure.ts';
import { EXITS } from '../failure.ts';
import type { Io } from '../io.ts';
import { renderDetail } from './detail.ts';
import { createPaint, type Paint } from './style.ts';
import { type Column, type Item, renderTable, type TableWorld } from './table.ts';
import { harmless } from './words.ts';

/** What a command says: results to standard output, everything else to standard error. With `--json`, results are one JSON document. */
export interface Output {
  readonly isJson: boolean;
  readonly paint: Paint;
  json(document: unknown): void;
  /** A line of a stream of documents (JSON Lines). */
  jsonLine(document: unknown): void;
  table(columns: readonly Column[], items: readonly Item[]): void;
  detail(item: Item): void;
  /** As it is: what comes from the API in it is made harmless before. */
  line(text: string): void;
  /** For people only: to standard error, not with --json and not with --quiet. */
  note(text: string): void;
  failure(failure: Failure): void;
}

export function createOutput(
  io: Io,
  { isJson, isQuiet }: { readonly isJson: boolean; readonly isQuiet: boolean },
): Output {
  const paint = createPaint(io.isOutTerminal, io.env);
  const paintErr = createPaint(io.isErrTerminal, io.env);
  const world = (): TableWorld => ({ paint, nowMs: io.nowMs(), width: io.isOutTerminal ? io.outColumns() : undefined });
  return {
    isJson,
    paint,
    json: (document) => io.writeOut(`${JSON.stringify(document, null, 2)}\n`),
    jsonLine: (document) => io.writeOut(`${JSON.stringify(document)}\n`),
    table: (columns, items) => io.writeOut(renderTable(columns, items, world())),
    detail: (item) => io.writeOut(renderDetail(item, world())),
    line: (text) => io.writeOut(`${text}\n`),
    note: (text) => {
      if (!isJson && !isQuiet) io.writeErr(`${paintErr('dim', harmless(text))}\n`);
    },
    failure: (failure) => io.writeErr(isJson ? failureJson(failure) : failureText(failure, paintErr)),
  };
}

function failureText({ message, details }: Failure, paint: Paint): string {
  const { advice, code, traceId } = details;
  const marks = [code, traceId === undefined || traceId === '' ? undefined : `trace ${traceId}`].filter(
    (each) => each !== undefined,
  );
  return [
    `${paint('red', 'stowage:')} ${harmless(message)}`,
    ...(advice === undefined ? [] : [`  ${harmless(advice)}`]),
    ...(marks.length === 0 ? [] : [`  ${paint('dim', `(${marks.join(', ')})`)}`]),
    '',
  ].join('\n');
}

/** A problem document as it came, or what is nearest to one. */
function failureJson({ exit, message, details }: Failure): string {
  const { advice, code, traceId, problem } = details;
  const own = { detail: message, code: code ?? exit, advice, traceId };
  return `${JSON.stringify({ ...(typeof problem === 'object' ? problem : own), exitCode: EXITS[exit].code })}\n`;
}
