import { StowageError } from '../../core/errors.ts';
import type { OutputRecord } from '../../core/guest.ts';
import type { LogQuery } from '../../core/ports/guests.ts';
import type { Answer } from './answer.ts';
import { findInside } from './container-guest.ts';
import { newestEvent, watchRun, whenOver } from './container-run.ts';
import { isAlive } from './container-state.ts';
import { lineMarker, parseLogTime } from './log-lines.ts';
import { contentTypeOf, framerOf } from './multiplex.ts';
import type { Call, DockerParts, Route } from './parts.ts';
import { flagOf } from './query.ts';

async function logs(call: Call, parts: DockerParts): Promise<Answer> {
  const { query, signal, minor } = call;
  const wanted = { stdout: flagOf(query, 'stdout'), stderr: flagOf(query, 'stderr') };
  if (!wanted.stdout && !wanted.stderr)
    throw new StowageError('request-invalid', 'Bad parameters: you must choose at least one stream');
  const after = await newestEvent(parts.events);
  const { record, guests } = await findInside(call, parts, 'reading the logs of a container');
  const asked = queryOf(query);
  const follow = asked.follow && isAlive(record);
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  if (follow) whenOver(watchRun(parts, record, { after, signal: until }), until, () => over.abort());
  const records = guests.logs(record.name, { ...asked, follow }, until);
  const { tty } = record.spec;
  return {
    type: 'bytes',
    headers: { 'content-type': contentTypeOf(tty, minor) },
    bytes: rendered({ records: follow ? records : await begun(records), wanted, over }, { query, tty }),
  };
}

/** With its beginning: what fails before that is an answer of its own. Who follows waits for no record. */
async function begun(records: AsyncIterable<OutputRecord>): Promise<AsyncIterable<OutputRecord>> {
  const iterator = records[Symbol.asyncIterator]();
  const first = await iterator.next();
  return (async function* () {
    for (let next = first; next.done !== true; next = await iterator.next()) yield next.value;
  })();
}

/** @throws `request-invalid` */
function queryOf(query: URLSearchParams): LogQuery {
  const tail = query.get('tail') ?? 'all';
  const [sinceNs, untilNs] = ['since', 'until'].map((name) => parseLogTime(query.get(name) ?? ''));
  return {
    follow: flagOf(query, 'follow'),
    // As dockerd: what is no number means all.
    ...(/^\d{1,9}$/.test(tail) ? { tail: Number(tail) } : {}),
    ...(sinceNs === undefined ? {} : { sinceNs }),
    ...(untilNs === undefined ? {} : { untilNs }),
  };
}

interface Source {
  readonly records: AsyncIterable<OutputRecord>;
  readonly wanted: Readonly<Record<OutputRecord['stream'], boolean>>;
  readonly over: AbortController;
}

async function* rendered(
  { records, wanted, over }: Source,
  { query, tty }: { readonly query: URLSearchParams; readonly tty: boolean },
): AsyncGenerator<Uint8Array> {
  const frame = framerOf(tty);
  const mark = lineMarker({ timestamps: flagOf(query, 'timestamps'), details: flagOf(query, 'details') });
  try {
    for await (const record of records) if (wanted[record.stream]) yield frame(record.stream, mark(record));
  } catch (error) {
    if (!over.signal.aborted) throw error;
  } finally {
    over.abort();
  }
}

export const containerLogRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/containers/{name}/logs',
    role: 'viewer',
    support: { as: 'supported' },
    handler: logs,
  },
];
