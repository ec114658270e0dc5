import type { Duplex } from 'node:stream';
import { z } from 'zod';
import { asStowageError, StowageError } from '../../core/errors.ts';
import type { Exec, ExecRecord } from '../../core/exec.ts';
import type { JsonObject } from '../../core/job.ts';
import type { Guests } from '../../core/ports/guests.ts';
import { type Answer, empty } from './answer.ts';
import { carryInput } from './client-input.ts';
import { requireRunning } from './container-guest.ts';
import { DetachKeys, parseDetachKeys } from './detach-keys.ts';
import { messageOf } from './errors.ts';
import { tellOfExec } from './exec-events.ts';
import { type ClientLine, send } from './hijack.ts';
import { contentTypeOf, framerOf } from './multiplex.ts';
import type { Call, DockerParts } from './parts.ts';
import { errorIn, type OutputPiece, type Piece, readPieces } from './pieces.ts';
import { consoleSizeOf } from './terminal-size.ts';

// The stream to the guest outlives its client: somebody must hear how the command ends. Only what it writes is for the client.

/** What dockerd gives a command that nobody could start, one that went with its container, and one whose end nobody saw. */
const NOT_STARTED = 126;
const KILLED = 137;
const UNKNOWN = 255;
/** How often it is said of one that runs; what nobody says that of is forgotten within an hour. */
const KEEP_MS = 600_000;
const STATE_MS = 2_000;

const flag = z
  .boolean()
  .nullish()
  .transform((value) => value === true);
const startSchema = z.object({ Detach: flag, Tty: flag, ConsoleSize: z.unknown().optional() });

interface Starting {
  readonly exec: Exec;
  readonly guests: Guests;
  readonly body: unknown;
}

/** @throws `container-busy` with dockerd's texts; `guest-refused` for a detached one that cannot be started */
export async function startExec(call: Call, parts: DockerParts, { exec, guests, body }: Starting): Promise<Answer> {
  const parsed = startSchema.safeParse(body ?? {});
  if (!parsed.success) throw new StowageError('request-invalid', `invalid JSON: ${z.prettifyError(parsed.error)}`);
  const { Detach: isDetached, Tty: tty, ConsoleSize } = parsed.data;
  const { record } = exec;
  await requireStartable(exec, parts);
  if (!(await parts.execs.begin(record.id))) throw hasRun(record.id, 'is already running');
  const terminal = consoleSizeOf(ConsoleSize) ?? record.terminal;
  const sized = terminal === undefined ? record : { ...record, terminal };
  const begin = async (): Promise<ExecRun> => await beginRun(call, parts, { record: sized, guests, isDetached });
  if (isDetached) return await detached(await begin());
  return {
    type: 'hijack',
    contentType: contentTypeOf(tty, call.minor),
    serve: async (line) => await serve(line, { begin, tty, call }),
  };
}

async function requireStartable({ record, progress }: Exec, { records }: DockerParts): Promise<void> {
  if (progress.state === 'over') throw hasRun(record.id, 'has already run');
  if (progress.state === 'running') throw hasRun(record.id, 'is already running');
  const container = (await records.read('container', record.container))?.record;
  if (container === undefined || container.run.startedAt !== record.run)
    throw new StowageError('container-busy', `container ${record.container} is not running`);
  requireRunning(container, 'exec');
}

function hasRun(id: string, how: string): StowageError {
  return new StowageError('container-busy', `Error: Exec command ${id} ${how}`);
}

/** One command at a guest, whether or not a client is at it. */
interface ExecRun {
  readonly record: ExecRecord;
  readonly parts: DockerParts;
  readonly guests: Guests;
  readonly stream: Duplex;
  readonly pieces: AsyncGenerator<Piece>;
}

interface Beginning {
  readonly record: ExecRecord;
  readonly guests: Guests;
  readonly isDetached: boolean;
}

async function beginRun(call: Call, parts: DockerParts, { record, guests, isDetached }: Beginning): Promise<ExecRun> {
  const { id, argv, env, user, workingDir, tty, attach, privileged, terminal } = record;
  const stdin = attach.stdin && !isDetached;
  const about: JsonObject = { for: 'exec', id, argv, env, user, workingDir, tty, stdin, privileged, ...terminal };
  try {
    const stream = await guests.open(record.container, about, call.stopping);
    await tellOfExec(parts, record, { type: 'container.exec-started' });
    return { record, parts, guests, stream, pieces: readPieces(stream, call.stopping) };
  } catch (error) {
    await parts.execs.end(id, NOT_STARTED);
    throw error;
  }
}

/** Answers as soon as it is known whether it started. */
async function detached(run: ExecRun): Promise<Answer> {
  run.stream.end();
  const begun = Promise.withResolvers<void>();
  follow(run, { begun: () => begun.resolve() })
    .then((failure) => (failure === undefined ? begun.resolve() : begun.reject(failure)))
    .catch(begun.reject);
  await begun.promise;
  return empty(200);
}

interface Attaching {
  readonly begin: () => Promise<ExecRun>;
  /** Of the start's request, which decides how the output is framed. */
  readonly tty: boolean;
  readonly call: Call;
}

/** Clients show no message of a refusal to upgrade, so it stands among the output, as with dockerd. */
async function serve(line: ClientLine, { begin, tty, call }: Attaching): Promise<void> {
  const { signal, traceparent } = call;
  const say = async (error: StowageError): Promise<boolean> => {
    const text = messageOf(error, traceparent.split('-')[1] ?? '');
    return await send(line.output, framerOf(tty)('stdout', Buffer.from(`${text}\r\n`)), signal);
  };
  try {
    const failure = await attend(line, { ...(await begin()), tty, signal });
    if (failure !== undefined) await say(failure);
  } catch (error) {
    if (!signal.aborted) await say(asStowageError(error));
    throw error;
  }
}

interface Attended extends ExecRun {
  readonly tty: boolean;
  /** Fires when the client has gone. */
  readonly signal: AbortSignal;
}

/** Resolves when the command is over, and its exit code can be read; or when the client is done with it. @returns why it did not start */
async function attend(line: ClientLine, run: Attended): Promise<StowageError | undefined> {
  const { record, signal, tty, parts } = run;
  const frame = framerOf(tty);
  const left = new AbortController();
  const isOver = AbortSignal.any([signal, left.signal]);
  const output = async ({ type, bytes }: OutputPiece): Promise<void> => {
    if (record.attach[type]) await send(line.output, frame(type, bytes), isOver);
  };
  void takeInput(line, run, isOver).then((isLeft) => (isLeft ? left.abort() : undefined));
  const followed = follow(run, { output });
  // It goes on without the client.
  followed.catch((error: unknown) => {
    if (isOver.aborted) parts.logger.warn({ err: error, exec: record.id }, 'the end of an exec was not seen');
  });
  const gone = Promise.withResolvers<undefined>();
  isOver.addEventListener('abort', () => gone.resolve(undefined), { once: true });
  if (isOver.aborted) gone.resolve(undefined);
  try {
    return await Promise.race([followed, gone.promise]);
  } finally {
    left.abort();
  }
}

interface Listener {
  readonly begun?: () => void;
  readonly output?: (piece: OutputPiece) => Promise<void>;
}

/** To the end, which is written down first. @returns why it did not start. @throws when its end is not seen */
async function follow(run: ExecRun, to: Listener): Promise<StowageError | undefined> {
  const { record, parts, stream } = run;
  try {
    const about = await listen(run, to);
    const code = typeof about['exitCode'] === 'number' ? about['exitCode'] : NOT_STARTED;
    const failure = errorIn(about);
    await endExec(parts, record, code);
    return failure === undefined ? undefined : notStarted(failure);
  } catch (error) {
    await endExec(parts, record, (await isOff(run)) ? KILLED : UNKNOWN);
    throw error;
  } finally {
    stream.destroy();
  }
}

async function endExec(parts: DockerParts, record: ExecRecord, exitCode: number): Promise<void> {
  await parts.execs.end(record.id, exitCode);
  await tellOfExec(parts, record, { type: 'container.exec-died', data: { exitCode } });
}

async function isOff({ guests, record }: ExecRun): Promise<boolean> {
  const state = await guests.state(record.container, undefined, AbortSignal.timeout(STATE_MS)).catch(() => undefined);
  return state?.state === 'exited';
}

/** @returns what its last piece tells */
async function listen({ record, parts: { execs }, pieces }: ExecRun, to: Listener): Promise<JsonObject> {
  let pid: number | undefined;
  const keep = setInterval(() => void execs.keep(record.id, pid).catch(() => undefined), KEEP_MS);
  try {
    for await (const piece of pieces) {
      if (piece.type === 'last') return piece.about;
      if (piece.type !== 'news') await to.output?.(piece);
      else if (typeof piece.about['pid'] === 'number') {
        pid = piece.about['pid'];
        await execs.keep(record.id, pid);
        to.begun?.();
      }
    }
  } finally {
    clearInterval(keep);
  }
  return {};
}

/** In the words that clients look for. */
function notStarted(failure: StowageError): StowageError {
  const text = `OCI runtime exec failed: exec failed: unable to start container process: ${failure.message}: unknown`;
  return new StowageError('guest-refused', text, { cause: failure });
}

/** @returns whether the client is done with the command */
async function takeInput({ input }: ClientLine, { record, stream }: ExecRun, signal: AbortSignal): Promise<boolean> {
  const { tty, attach, detachKeys } = record;
  if (!attach.stdin) {
    stream.end();
    input?.resume();
    return false;
  }
  if (input === undefined) return false;
  const keys = tty ? { keys: new DetachKeys(parseDetachKeys(detachKeys)) } : {};
  const end = await carryInput({ from: input, to: stream, signal, ...keys });
  // A terminal has no end of input; the command lives on without the client, as with dockerd.
  if (tty && end !== 'broken') return true;
  if (!tty) stream.end();
  input.resume();
  return false;
}
